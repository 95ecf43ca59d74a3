"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Segmented } from "@/components/ui/segmented";
import { Select } from "@/components/ui/select";
import { Slug } from "@/server/platform/atoms";

const slugOf = (filename: string): string =>
  filename
    .replace(/\.[^.]*$/, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 64);

interface FormProps {
  team: string;
  filename: string;
  /** The next version of this model, without asking which. */
  modelId?: string | undefined;
  /** A finished upload, or a file that a run logged; null while it is still on its way. */
  source: { uploadId: string } | { run: number; path: string } | null;
}

/** Asks what a file becomes, and makes a version of it. */
export function VersionForm({ team, filename, modelId, source }: FormProps) {
  const trpc = useTRPC();
  const router = useRouter();
  const { data: list } = useQuery(trpc.models.list.queryOptions({ team, limit: 100 }));
  const [is, setIs] = useState<"new" | "existing">(modelId ? "existing" : "new");
  const [name, setName] = useState(slugOf(filename));
  const [task, setTask] = useState("image classification");
  const [existing, setExisting] = useState<string | null>(modelId ?? null);
  const [note, setNote] = useState("");
  const onSuccess = ({ model, number }: { model: string; number: number }) =>
    router.push(`/${team}/models/${model}/v/${number}`);
  const ofUpload = useMutation(trpc.models.createFromUpload.mutationOptions({ onSuccess }));
  const ofArtifact = useMutation(trpc.models.createFromArtifact.mutationOptions({ onSuccess }));
  const create = source && "run" in source ? ofArtifact : ofUpload;
  const slug = Slug.safeParse(name);
  const problem = create.error && readError(create.error);
  const chosen = list?.models.find((model) => model.id === existing);
  const reason = !source
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
        if (reason || !source) return;
        const made = {
          team,
          model: is === "new" ? { is, name, task } : { is, modelId: existing ?? "" },
          note,
        };
        if ("run" in source) ofArtifact.mutate({ ...made, ...source });
        else ofUpload.mutate({ ...made, ...source });
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
      {problem && problem.reason !== "name_taken" && <ProblemCallout problem={problem} />}
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
