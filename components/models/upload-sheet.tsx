"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useEffect, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { Button } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";
import { Callout } from "@/components/ui/feedback";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Segmented } from "@/components/ui/segmented";
import { Select } from "@/components/ui/select";
import { UploadProgress } from "@/components/uploads/upload-progress";
import { useUpload } from "@/components/uploads/use-upload";
import { Slug } from "@/server/platform/atoms";

interface Props {
  team: string;
  file: File | null;
  /** Uploads as the next version of this model, without asking which. */
  modelId?: string | undefined;
  onClose: () => void;
}

/** Takes a file on its way, and meanwhile asks what it is. */
export function UploadSheet({ team, file, modelId, onClose }: Props) {
  const upload = useUpload(team, "model");
  const { start, cancel } = upload;
  useEffect(() => {
    if (file) start(file);
  }, [file, start]);
  const close = () => {
    if (upload.state.is !== "done") cancel();
    onClose();
  };
  return (
    <Sheet open={file !== null} onOpenChange={(open) => !open && close()} title="Upload a model">
      {file && (
        <div className="body col">
          <div>
            <b className="m">{file.name}</b>
          </div>
          <UploadProgress upload={upload} />
          <VersionForm
            key={file.name}
            team={team}
            suggested={slugOf(file.name)}
            modelId={modelId}
            uploadId={upload.state.is === "done" ? upload.state.uploadId : null}
          />
        </div>
      )}
    </Sheet>
  );
}

const slugOf = (filename: string): string =>
  filename
    .replace(/\.[^.]*$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);

interface FormProps {
  team: string;
  suggested: string;
  modelId: string | undefined;
  /** Null while the file is still on its way. */
  uploadId: string | null;
}

function VersionForm({ team, suggested, modelId, uploadId }: FormProps) {
  const trpc = useTRPC();
  const router = useRouter();
  const { data: list } = useQuery(trpc.models.list.queryOptions({ team, limit: 100 }));
  const [is, setIs] = useState<"new" | "existing">(modelId ? "existing" : "new");
  const [name, setName] = useState(suggested);
  const [task, setTask] = useState("image classification");
  const [existing, setExisting] = useState<string | null>(modelId ?? null);
  const [note, setNote] = useState("");
  const create = useMutation(
    trpc.models.createFromUpload.mutationOptions({
      onSuccess: ({ model, number }) => router.push(`/${team}/models/${model}/v/${number}`),
    }),
  );
  const slug = Slug.safeParse(name);
  const problem = create.error && readError(create.error);
  const chosen = list?.models.find((model) => model.id === existing);
  const reason = !uploadId
    ? "The file is still on its way."
    : is === "new" && !slug.success
      ? "Choose a name."
      : is === "existing" && !existing
        ? "Choose a model."
        : undefined;

  return (
    <form
      className="col"
      onSubmit={(event) => {
        event.preventDefault();
        if (reason || !uploadId) return;
        const model = is === "new" ? { is, name, task } : { is, modelId: existing ?? "" };
        create.mutate({ team, uploadId, model, note });
      }}
    >
      {!modelId && (
        <Segmented
          label="It becomes"
          value={is}
          onValueChange={setIs}
          options={[
            { value: "new", label: "a new model" },
            {
              value: "existing",
              label: "a new version",
              ...(list?.models.length === 0 && { reason: "there is no model yet" }),
            },
          ]}
        />
      )}
      {is === "new" ? (
        <>
          <Field
            label="Name"
            hint="Part of the address and of the API path"
            error={
              name && !slug.success
                ? slug.error.issues[0]?.message
                : problem?.reason === "name_taken" && problem.message
            }
          >
            <Input value={name} onValueChange={setName} autoComplete="off" />
          </Field>
          <Field label="Task">
            <Input value={task} onValueChange={setTask} />
          </Field>
        </>
      ) : (
        !modelId && (
          <Field label="Model">
            <Select
              options={(list?.models ?? []).map((model) => ({
                value: model.id,
                label: model.name,
                hint: `next is v${model.versions + 1}`,
              }))}
              value={existing}
              onValueChange={setExisting}
            />
          </Field>
        )
      )}
      <Field label="Note" hint="What is different about it; optional">
        <Textarea value={note} onValueChange={setNote} rows={2} />
      </Field>
      {problem && problem.reason !== "name_taken" && (
        <Callout state="bad">
          {problem.message} {problem.remedy}
        </Callout>
      )}
      <div>
        <Button
          type="submit"
          variant="primary"
          reason={reason}
          busy={create.isPending ? "Creating…" : undefined}
        >
          {is === "existing" && chosen ? `Create v${chosen.versions + 1}` : "Create and inspect"}
        </Button>
      </div>
    </form>
  );
}
