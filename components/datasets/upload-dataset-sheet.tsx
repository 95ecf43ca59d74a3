"use client";
import { useMutation } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useCallback, useEffect, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";
import { Callout } from "@/components/ui/feedback";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Segmented } from "@/components/ui/segmented";
import { type Option, Select } from "@/components/ui/select";
import { UploadProgress } from "@/components/uploads/upload-progress";
import { useUpload } from "@/components/uploads/use-upload";
import {
  type DatasetFormat,
  DatasetTask,
  formatOf,
  formatsProblem,
  rolesProblem,
  TASKS,
  TableMapping,
} from "@/server/datasets/contract";
import { Slug } from "@/server/platform/atoms";
import { guessRoles, type Role, splitOf } from "./guess-roles";
import { type Look, MappingFields, useLooks } from "./mapping-fields";
import { TryOnField } from "./try-on-field";

/** One number, or several parted by commas. */
function figures(text: string): number | number[] {
  const found = text.split(",").map((part) => figure(part) ?? Number.NaN);
  return found.length === 1 ? (found[0] ?? Number.NaN) : found;
}

/** Takes the files of one dataset on their way, and meanwhile asks how they belong together. */
export function UploadDatasetSheet(props: { team: string; files: File[]; onClose: () => void }) {
  const { team, files, onClose } = props;
  return (
    <Sheet open={files.length > 0} onOpenChange={(open) => !open && onClose()} title="Upload a dataset">
      {files.length > 4 ? (
        <div className="body">
          <Callout state="bad">
            <b className="m">{files.length} files are too many for one dataset.</b> Choose one NPZ, CSV or
            Parquet file, one zip of pictures, or two or four IDX files.
          </Callout>
        </div>
      ) : (
        <DatasetForm key={files.map((f) => f.name).join()} team={team} files={files} />
      )}
    </Sheet>
  );
}

const ROLE_OPTIONS: { value: Role; label: string }[] = [
  { value: "data", label: "samples and labels" },
  { value: "data_test", label: "test samples and labels" },
  { value: "x", label: "samples" },
  { value: "y", label: "labels" },
  { value: "x_test", label: "test samples" },
  { value: "y_test", label: "test labels" },
];

const TASK_OPTIONS: { value: DatasetTask | "found"; label: string }[] = [
  { value: "found", label: "what the labels look like" },
  ...DatasetTask.options.map((value) => ({ value, label: TASKS[value].name })),
];

const FORMATS: Record<DatasetFormat, string> = {
  npz: "An NPZ file holds arrays x and y, and x_test and y_test where the test part is its own; without y, models are compared with their parents. An array slice (slice_test) names a group for each sample, which evaluations then tell apart.",
  csv: "A CSV is UTF-8 with a header; commas, semicolons or tabs part its columns. A second file may be the test part.",
  parquet: "A Parquet file has plain columns. A second file may be the test part.",
  images:
    "A zip holds class/name.png or .jpg, all of one size; folders train and test above the classes decide the split.",
  idx: "IDX files hold one array each: samples and labels, with or without a test pair.",
};

const figure = (text: string): number | null => (text.trim() === "" ? null : Number(text));

function DatasetForm({ team, files }: { team: string; files: File[] }) {
  const trpc = useTRPC();
  const router = useRouter();
  const [roles, setRoles] = useState<Role[]>(() => guessRoles(files.map((f) => f.name)));
  const [ids, setIds] = useState<Record<number, string>>({});
  const [name, setName] = useState("");
  const [split, setSplit] = useState<"files" | "seeded">(() => splitOf(roles));
  const [seed, setSeed] = useState("0");
  const [testPercent, setTestPercent] = useState("20");
  const [scaling, setScaling] = useState<"found" | "given">("found");
  const [transform, setTransform] = useState({ scale: "1", mean: "0", std: "1" });
  const [labels, setLabels] = useState("");
  const [task, setTask] = useState<DatasetTask | "found">("found");
  const [mapping, setMapping] = useState(() => TableMapping.parse({}));
  const described = files.map((file, index) => {
    const role = roles[index] ?? "x";
    return { role, format: formatOf(role, file.name) };
  });
  const first = described.findIndex((file) => file.role === "data");
  const format = described[first]?.format;
  const isTable = format === "csv" || format === "parquet";
  const looks = useLooks(files);
  const look = looks?.[first];
  const columns = look && "columns" in look ? look.columns : null;
  const [tryOn, setTryOn] = useState<Option<string> | null>(null);
  const create = useMutation(
    trpc.datasets.create.mutationOptions({
      onSuccess: (created) => router.push(`/${team}/datasets/${created.name}`),
    }),
  );
  const setId = useCallback(
    (index: number, uploadId: string) => setIds((known) => ({ ...known, [index]: uploadId })),
    [],
  );

  const slug = Slug.safeParse(name);
  const wrongRoles =
    rolesProblem(roles, roles.length === 1 ? "seeded" : split) ?? formatsProblem(described, split);
  const problem = create.error && readError(create.error);
  const isWrong = looks?.some((found) => "problem" in found);
  const reason = isWrong
    ? "A file cannot be read."
    : Object.keys(ids).length < files.length
      ? "The files are still on their way."
      : (wrongRoles ?? (slug.success ? undefined : "Choose a name."));

  const submit = () => {
    if (reason) return;
    create.mutate({
      team,
      name,
      files: roles.map((role, index) => ({ role, uploadId: ids[index] ?? "" })),
      split: { kind: split, seed: figure(seed) ?? 0, testFraction: (figure(testPercent) ?? 20) / 100 },
      mapping: isTable ? mapping : null,
      task: task === "found" ? null : task,
      transform:
        scaling === "found"
          ? null
          : {
              scale: figure(transform.scale) ?? Number.NaN,
              mean: figures(transform.mean),
              std: figures(transform.std),
            },
      tryOn: tryOn?.value ?? null,
      labels: labels
        .split(/[\n,]/)
        .map((label) => label.trim())
        .filter(Boolean),
    });
  };

  return (
    <form
      className="body col"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <ul className="file-rows" aria-label="Files">
        {files.map((file, index) => (
          <FileRow
            key={file.name}
            team={team}
            file={file}
            look={looks?.[index]}
            index={index}
            role={roles[index] ?? "x"}
            onRole={(role) => {
              const next = roles.with(index, role);
              setRoles(next);
              setSplit(splitOf(next));
            }}
            onDone={setId}
          />
        ))}
      </ul>
      <p className="help">{FORMATS[format ?? "idx"]}</p>
      {wrongRoles && <Callout state="warning">These files don’t make a dataset yet: {wrongRoles}.</Callout>}
      <Field
        label="Name"
        hint="Part of the address"
        error={
          name && !slug.success
            ? slug.error.issues[0]?.message
            : problem?.reason === "name_taken" && problem.message
        }
      >
        <Input value={name} onValueChange={setName} autoComplete="off" />
      </Field>
      {isTable && <MappingFields columns={columns} value={mapping} onChange={setMapping} />}
      <Field
        label="What is asked"
        hint="As the labels look: a fraction makes a number, a row of 0 and 1 labels"
      >
        <Select options={TASK_OPTIONS} value={task} onValueChange={setTask} />
      </Field>
      <Segmented
        label="Split into train and test"
        value={split}
        onValueChange={setSplit}
        options={[
          { value: "files", label: "test files of its own" },
          { value: "seeded", label: "drawn by a seed, by class" },
        ]}
      />
      {split === "seeded" && (
        <div className="g g2">
          <Field label="Test part" error={problem?.fields.testFraction}>
            <Input value={testPercent} onValueChange={setTestPercent} inputMode="decimal" unit="%" />
          </Field>
          <Field label="Seed" error={problem?.fields.seed}>
            <Input value={seed} onValueChange={setSeed} inputMode="numeric" />
          </Field>
        </div>
      )}
      <Segmented
        label="Scaling of values"
        value={scaling}
        onValueChange={setScaling}
        options={[
          { value: "found", label: "as the check finds" },
          { value: "given", label: "given here" },
        ]}
      />
      {scaling === "found" ? (
        <p className="help">
          {isTable && mapping.standardise
            ? "Each column is standardised by the train part."
            : "Bytes are divided by 255; other values are taken as they are."}
        </p>
      ) : (
        <>
          <div className="g g3">
            {(["scale", "mean", "std"] as const).map((part) => (
              <Field key={part} label={part} error={problem?.fields[part]}>
                <Input
                  value={transform[part]}
                  onValueChange={(value) => setTransform((t) => ({ ...t, [part]: value }))}
                  inputMode="decimal"
                />
              </Field>
            ))}
          </div>
          <p className="help">
            A model is fed (x × scale − mean) / std. Mean and std take one number, or one for each column or
            channel, parted by commas.
          </p>
        </>
      )}
      <Field
        label="Names of the classes"
        hint="0, 1, 2, … in their order, parted by commas; empty takes those in the files"
      >
        <Textarea value={labels} onValueChange={setLabels} rows={2} />
      </Field>
      <TryOnField team={team} value={tryOn} onChange={setTryOn} />
      {problem && problem.reason !== "name_taken" && <ProblemCallout problem={problem} />}
      <div>
        <Button
          type="submit"
          variant="primary"
          reason={reason}
          busy={create.isPending ? "Creating…" : undefined}
        >
          Create and check
        </Button>
      </div>
    </form>
  );
}

interface FileRowProps {
  team: string;
  file: File;
  /** What the file says of itself; it is not sent before that is known, nor when it cannot be read. */
  look: Look | undefined;
  index: number;
  role: Role;
  onRole: (role: Role) => void;
  onDone: (index: number, uploadId: string) => void;
}

function FileRow({ team, file, look, index, role, onRole, onDone }: FileRowProps) {
  const upload = useUpload(team, "dataset");
  const { start, state } = upload;
  const problem = look && "problem" in look ? look.problem : null;
  const isSent = look !== undefined && problem === null;
  useEffect(() => {
    if (isSent) start(file);
  }, [isSent, start, file]);
  const uploadId = state.is === "done" ? state.uploadId : null;
  useEffect(() => {
    if (uploadId) onDone(index, uploadId);
  }, [uploadId, index, onDone]);
  return (
    <li>
      <b className="m clip">{file.name}</b>
      <Select label={`What ${file.name} holds`} options={ROLE_OPTIONS} value={role} onValueChange={onRole} />
      <div className="wide">
        {problem ? <Callout state="bad">{problem}</Callout> : <UploadProgress upload={upload} />}
      </div>
    </li>
  );
}
