"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useDeferredValue, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { HoldNotice } from "@/components/trpc/hold-notice";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { Field, Input, Textarea } from "@/components/ui/field";
import { count, plural } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { DefinitionList, Panel } from "@/components/ui/panel";
import { Select } from "@/components/ui/select";
import { StatusDot } from "@/components/ui/status";
import { DropTarget, FilePicker } from "@/components/uploads/drop-target";
import { UploadProgress } from "@/components/uploads/upload-progress";
import { useUpload } from "@/components/uploads/use-upload";
import { SCRIPT_DEFAULTS } from "@/server/training/contract";
import { LaunchFrame } from "./launch-frame";
import { QUEUE_TYPED, QueueFields, queueOf } from "./launch-queue";
import { FIT_SAYS, fitShape } from "./run-words";
import { SourceChoice } from "./source-choice";

const ARCHIVES = ".zip,.tar,.gz,.tgz,.bz2,.xz,.zst";
const NO_DATASET = "none";

/** Launches an unmodified torchrun script: its archive at the left, what would happen at the right. */
export function ScriptPage({ team }: { team: string }) {
  const upload = useUpload(team, "script");
  const take = ([file]: File[]) => file && upload.start(file);
  return (
    <DropTarget invitation="Drop a zip or tar archive to run what is in it" onFiles={take}>
      <PageHeader
        title="New run"
        meta="from your own script, not launched yet"
        crumbs={[{ label: "Training", href: `/${team}/training` }, { label: "New run" }]}
      />
      <ScriptForm team={team} upload={upload} />
    </DropTarget>
  );
}

/** As typed; numbers when they parse. */
const TYPED = {
  command: "train.py",
  requirements: "",
  environment: "",
  name: "",
  workers: String(SCRIPT_DEFAULTS.workers),
  cpus: String(SCRIPT_DEFAULTS.cpus),
  gpus: String(SCRIPT_DEFAULTS.gpus),
  attempts: String(SCRIPT_DEFAULTS.attempts),
  stallSeconds: String(SCRIPT_DEFAULTS.stallSeconds),
};

function ScriptForm({ team, upload }: { team: string; upload: ReturnType<typeof useUpload> }) {
  const trpc = useTRPC();
  const router = useRouter();
  const { data: options } = useQuery(trpc.training.scriptOptions.queryOptions({ team }));
  const [typed, setTyped] = useState(TYPED);
  const [datasetId, setDatasetId] = useState(NO_DATASET);
  const launch = useMutation(
    trpc.training.launchScript.mutationOptions({
      onSuccess: ({ number }) => router.push(`/${team}/training/${number}`),
    }),
  );
  const [queue, setQueue] = useState(QUEUE_TYPED);
  const problem = launch.error ? readError(launch.error) : null;
  const shape = { workers: Number(typed.workers), cpus: Number(typed.cpus), gpus: Number(typed.gpus) };
  const uploadId = upload.state.is === "done" ? upload.state.uploadId : null;
  const reason =
    upload.state.is === "idle" || upload.state.is === "refused"
      ? "Choose an archive first."
      : uploadId === null
        ? "The archive is still on its way."
        : undefined;
  const submit = () => {
    if (uploadId === null) return;
    launch.mutate({
      team,
      uploadId,
      ...shape,
      command: typed.command,
      requirements: typed.requirements.trim() || null,
      environment: typed.environment,
      datasetId: datasetId === NO_DATASET ? null : datasetId,
      attempts: Number(typed.attempts),
      stallSeconds: Number(typed.stallSeconds),
      name: typed.name,
      ...queueOf(queue),
    });
  };
  const field = (name: keyof typeof TYPED, label: string, hint?: string, more: object = {}) => (
    <Field label={label} hint={hint} error={problem?.fields[name]}>
      <Input
        value={typed[name]}
        onValueChange={(value) => setTyped((all) => ({ ...all, [name]: value }))}
        autoComplete="off"
        spellCheck={false}
        {...more}
      />
    </Field>
  );
  const number = { inputMode: "decimal" };
  return (
    <LaunchFrame onSubmit={submit}>
      <Panel title="What to run">
        <section className="launch-part">
          <h3>Source</h3>
          <div className="col">
            <SourceChoice team={team} value="script" />
            {upload.state.is === "idle" ? (
              <div className="row">
                <FilePicker
                  label="Choose an archive"
                  accept={ARCHIVES}
                  look="plain"
                  onFiles={([file]) => file && upload.start(file)}
                />
                <span className="t2">zip or tar, or drop it anywhere on the page</span>
              </div>
            ) : (
              <div className="row">
                <div className="grow">
                  <UploadProgress upload={upload} />
                </div>
                {upload.state.is === "done" && (
                  <Button size="sm" onClick={upload.cancel}>
                    Choose another
                  </Button>
                )}
              </div>
            )}
            <div className="launch-fields wide">
              {field("command", "Start with", "a file of the archive and its arguments, as after torchrun", {
                className: "mono",
              })}
              {field("requirements", "Requirements", "a pip file of the archive; empty installs nothing", {
                className: "mono",
                placeholder: "requirements.txt",
              })}
            </div>
          </div>
        </section>
        <section className="launch-part">
          <h3>Data</h3>
          <Field
            label="Dataset"
            hint="Its files lie in the folder that $LATHE_DATA names"
            error={problem?.fields.datasetId}
          >
            <Select
              options={[
                { value: NO_DATASET, label: "none" },
                ...(options?.datasets ?? []).map((d) => ({
                  value: d.id,
                  label: d.name,
                  hint: `${count(d.n)} samples`,
                })),
              ]}
              value={datasetId}
              onValueChange={setDatasetId}
            />
          </Field>
        </section>
        <section className="launch-part">
          <h3>Workers</h3>
          <div className="launch-fields">
            {field("workers", "Workers", "one process each", number)}
            {field("cpus", "Each with", undefined, { ...number, unit: "CPUs" })}
            {field("gpus", "And", options?.hasGpus === false ? "this cluster has none" : undefined, {
              ...number,
              unit: "GPUs",
            })}
            {field("attempts", "Attempts, at most", "after a lost worker or node, or a stall", number)}
            {field("stallSeconds", "Stalled after", "in which no worker writes or computes; 0: never", {
              ...number,
              unit: "s",
            })}
            <QueueFields typed={queue} onChange={setQueue} errors={problem?.fields ?? {}} />
          </div>
        </section>
        <section className="launch-part">
          <h3>Environment</h3>
          <Field
            label="More variables, one NAME=value a line"
            hint="torchrun's own and those of MLflow's client are set: tracking lands in this run"
            error={problem?.fields.environment}
          >
            <Textarea
              className="mono"
              value={typed.environment}
              onValueChange={(value) => setTyped((all) => ({ ...all, environment: value }))}
              rows={2}
              spellCheck={false}
            />
          </Field>
        </section>
        <section className="launch-part">
          <h3>Name</h3>
          {field("name", "In lists", "the archive and its file without it")}
        </section>
      </Panel>
      <BeforeScript
        team={team}
        shape={shape}
        launch={(never) => (
          <Button
            variant="primary"
            size="lg"
            type="submit"
            reason={reason ?? never}
            busy={launch.isPending ? "Launching…" : undefined}
          >
            Launch on {plural(shape.workers || 0, "worker")}
          </Button>
        )}
      >
        <HoldNotice team={team} />
        {problem && <ProblemCallout problem={problem} />}
      </BeforeScript>
    </LaunchFrame>
  );
}

interface BeforeProps {
  team: string;
  shape: { workers: number; cpus: number; gpus: number };
  /** The button, given why these workers can't be launched at all. */
  launch: (never: string | undefined) => React.ReactNode;
  /** What went wrong. */
  children: React.ReactNode;
}

/** Whether it fits now, and what a script finds where it runs. */
function BeforeScript({ team, shape, launch, children }: BeforeProps) {
  const trpc = useTRPC();
  const { workers, cpus, gpus } = useDeferredValue(shape);
  const plan = useQuery(
    trpc.training.scriptPlan.queryOptions(
      { team, workers, cpus, gpus },
      { placeholderData: (previous) => previous, refetchInterval: 5000, retry: false },
    ),
  );
  return (
    <Panel title="Before you launch" subtitle="predicted">
      <div className="panel-body col">
        {plan.data && (
          <>
            <StatusDot state={fitShape(plan.data.state)}>{FIT_SAYS[plan.data.state]}</StatusDot>
            <p className="t2">{plan.data.says}</p>
          </>
        )}
        {plan.isError && <p className="t2">{readError(plan.error).message}</p>}
        {children}
        {launch(plan.data?.state === "never" ? "It would wait for ever." : undefined)}
        <DefinitionList
          items={[
            ["Runs as", "one process a worker, with the variables that torchrun sets"],
            ["Finds", "its archive as the current folder, and nothing of its neighbours or of Lathe"],
            ["Tracks", "an unmodified MLflow client logs into this run"],
            ["Ends", "well when every worker ends with exit code 0"],
          ]}
        />
      </div>
    </Panel>
  );
}
