"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useDeferredValue, useState } from "react";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { HoldNotice, useHold } from "@/components/trpc/hold-notice";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { QueryError } from "@/components/trpc/query-error";
import { Button } from "@/components/ui/button";
import { Digest } from "@/components/ui/digest";
import { EmptyState, Skeleton } from "@/components/ui/feedback";
import { Field, Input, Textarea } from "@/components/ui/field";
import { count, duration, money, plural } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { DefinitionList, Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { Select } from "@/components/ui/select";
import { StatusDot } from "@/components/ui/status";
import { combinations, LAUNCH_DEFAULTS, MAX_SWEEP, type TrainMode } from "@/server/training/contract";
import { LaunchFrame } from "./launch-frame";
import { MORE_TYPED, MoreFields, moreOf } from "./launch-more";
import { QUEUE_TYPED, QueueFields, queueOf } from "./launch-queue";
import { FIT_SAYS, fitShape } from "./run-words";
import { SourceChoice } from "./source-choice";

type Options = Outputs["training"]["options"];

export function LaunchPage({ team, versionId }: { team: string; versionId: string }) {
  const trpc = useTRPC();
  const options = useQuery(trpc.training.options.queryOptions({ team, versionId }));
  const crumbs = [{ label: "Training", href: `/${team}/training` }, { label: "New run" }];
  if (options.isPending) return <Skeleton />;
  if (options.isError) {
    return <QueryError error={options.error} onRetry={options.refetch} />;
  }
  const from = `${options.data.model} v${options.data.number}`;
  return (
    <>
      <PageHeader title="New run" meta={`from ${from}, not launched yet`} crumbs={crumbs} />
      {options.data.datasets.length === 0 ? (
        <EmptyState title="No dataset fits this version">
          Upload one under Datasets; training needs samples with one class each, of the shape that the version
          takes.
        </EmptyState>
      ) : (
        <LaunchForm team={team} versionId={versionId} options={options.data} />
      )}
    </>
  );
}

/** Figures as typed; they become numbers when they parse. */
const FIGURES = {
  workers: String(LAUNCH_DEFAULTS.workers),
  epochs: String(LAUNCH_DEFAULTS.epochs),
  globalBatch: String(LAUNCH_DEFAULTS.globalBatch),
  lr: String(LAUNCH_DEFAULTS.lr),
  seed: String(LAUNCH_DEFAULTS.seed),
  checkpointEverySteps: String(LAUNCH_DEFAULTS.checkpointEverySteps),
  attempts: String(LAUNCH_DEFAULTS.attempts),
};

const NO_SETTING = { epochs: Number.NaN, globalBatch: Number.NaN, lr: Number.NaN, seed: Number.NaN };

function LaunchForm({ team, versionId, options }: { team: string; versionId: string; options: Options }) {
  const trpc = useTRPC();
  const router = useRouter();
  const [mode, setMode] = useState<TrainMode>(options.teacher.isItself ? "fine_tune" : LAUNCH_DEFAULTS.mode);
  const [datasetId, setDatasetId] = useState(options.datasets[0]?.id ?? "");
  const [figures, setFigures] = useState(FIGURES);
  const [more, setMore] = useState(MORE_TYPED);
  const [queue, setQueue] = useState(QUEUE_TYPED);
  const [note, setNote] = useState("");
  const set = (name: keyof typeof FIGURES) => (value: string) => setFigures((f) => ({ ...f, [name]: value }));
  const settings = combinations(figures);
  const numbers = {
    workers: Number(figures.workers),
    ...(settings[0] ?? NO_SETTING),
    checkpointEverySteps: Number(figures.checkpointEverySteps),
    attempts: Number(figures.attempts),
  };
  const launch = useMutation(
    trpc.training.launch.mutationOptions({
      onSuccess: ({ number }) => router.push(`/${team}/training/${number}`),
    }),
  );
  const sweep = useMutation(
    trpc.training.launchSweep.mutationOptions({
      onSuccess: ({ numbers: runs }) => router.push(`/${team}/training/compare?runs=${runs.join(",")}`),
    }),
  );
  const error = launch.error ?? sweep.error;
  const problem = error ? readError(error) : null;
  const hold = useHold(team);
  const isSweep = settings.length > 1;
  const submit = () => {
    const one = { versionId, datasetId, mode, note, ...numbers, ...moreOf(more), ...queueOf(queue) };
    launch.reset();
    sweep.reset();
    if (isSweep) sweep.mutate({ team, launches: settings.map((setting) => ({ ...one, ...setting })) });
    else launch.mutate({ team, ...one });
  };
  const figure = (name: keyof typeof FIGURES, label: string, hint?: string, unit?: string) => (
    <Field label={label} hint={hint} error={problem?.fields[name]}>
      <Input value={figures[name]} onValueChange={set(name)} inputMode="decimal" unit={unit} />
    </Field>
  );
  return (
    <LaunchFrame onSubmit={submit}>
      <Panel title="What to train">
        <section className="launch-part">
          <h3>Source</h3>
          <div className="col">
            <SourceChoice team={team} value="version" />
            <p>
              <b className="m">
                {options.model} v{options.number}
              </b>{" "}
              <Digest value={options.digest} />
              {options.tier !== null && <span className="t2"> tier {options.tier}</span>}
            </p>
            <Segmented
              label="Do"
              value={mode}
              onValueChange={setMode}
              options={[
                { value: "recover", label: "Recover by distillation" },
                { value: "fine_tune", label: "Fine-tune on labels" },
                { value: "from_scratch", label: "From scratch" },
              ]}
            />
            <p className="t2">{modeSays(mode, options)}</p>
          </div>
        </section>
        <section className="launch-part">
          <h3>Data</h3>
          <Field
            label="Train and judge on"
            hint="Trains on its train part, judged on its test part"
            error={problem?.fields.datasetId}
          >
            <Select
              options={options.datasets.map((d) => ({
                value: d.id,
                label: d.name,
                hint: `${count(d.n)} samples`,
              }))}
              value={datasetId}
              onValueChange={setDatasetId}
            />
          </Field>
        </section>
        <section className="launch-part">
          <h3>Hyper-parameters</h3>
          <div className="col">
            <div className="launch-fields">
              {figure("epochs", "Epochs")}
              {figure(
                "globalBatch",
                "Global batch",
                more.minWorkers.trim()
                  ? "the same, whatever the number of workers"
                  : `${Math.round(numbers.globalBatch / Math.max(1, numbers.workers))} a worker`,
              )}
              {figure("lr", "Learning rate", `peak, ${more.schedule} schedule`)}
              {figure("seed", "Seed")}
            </div>
            <p className="t3 s12">
              Several values in one of these, such as 0.001, 0.01 or 0..4, launch a run for each.
            </p>
            <MoreFields typed={more} onChange={setMore} errors={problem?.fields ?? {}} />
          </div>
        </section>
        <section className="launch-part">
          <h3>Workers</h3>
          <div className="launch-fields">
            {figure(
              "workers",
              more.minWorkers.trim() ? "Workers, at most" : "Workers",
              "each with 1 CPU, or 1 GPU where the cluster has them",
            )}
            {figure("checkpointEverySteps", "Checkpoint every", "at most this much is lost", "steps")}
            {figure("attempts", "Attempts, at most", "a lost worker or node is tried again")}
            <QueueFields typed={queue} onChange={setQueue} errors={problem?.fields ?? {}} />
          </div>
        </section>
        <section className="launch-part">
          <h3>Note</h3>
          <Field label="For the version it makes" error={problem?.fields.note}>
            <Textarea value={note} onValueChange={setNote} rows={2} />
          </Field>
        </section>
      </Panel>
      <Before
        team={team}
        choice={{ datasetId, minWorkers: moreOf(more).minWorkers, ...numbers }}
        options={options}
        judgedAgainst={mode === "from_scratch" ? options.number : options.teacher.number}
      >
        <HoldNotice team={team} />
        {problem && <ProblemCallout problem={problem} />}
        {isSweep && (
          <p className="t2">
            {plural(settings.length, "run")}: every value with each of the others. They go through the queue
            as there is room; what follows is of the first.
          </p>
        )}
        <Button
          variant="primary"
          size="lg"
          type="submit"
          busy={launch.isPending || sweep.isPending ? "Launching…" : undefined}
          reason={
            settings.length > MAX_SWEEP
              ? `At most ${MAX_SWEEP} runs are launched at once; leave some values out.`
              : hold
                ? "The budget of the month is spent."
                : undefined
          }
        >
          Launch {isSweep && `${plural(settings.length, "run")} `}on{" "}
          {more.minWorkers.trim() ? `${more.minWorkers.trim()} to ` : ""}
          {plural(numbers.workers || 0, "worker")}
          {isSweep && " each"}
        </Button>
      </Before>
    </LaunchFrame>
  );
}

/** What a mode does to the weights. */
function modeSays(mode: TrainMode, { teacher, quantized }: Options): string {
  const after = quantized ? "; its precision is lowered again" : "";
  switch (mode) {
    case "recover":
      return `Learns the answers of v${teacher.number} back. Zeros and channels are held${after}.`;
    case "fine_tune":
      return `Learns the labels. Zeros and channels are held${after}.`;
    case "from_scratch":
      return `Keeps the graph, draws all weights anew by the seed and learns the labels. Channels are held, zeros are not${after}.`;
  }
}

interface BeforeProps {
  team: string;
  choice: {
    datasetId: string;
    workers: number;
    minWorkers: number | null;
    epochs: number;
    globalBatch: number;
  };
  options: Options;
  /** Number of the version that the result is compared with. */
  judgedAgainst: number;
  children: React.ReactNode;
}

/** The consequence beside the form: when it would start, how long it takes, what it makes. All predicted. */
function Before({ team, choice, options, judgedAgainst, children }: BeforeProps) {
  const trpc = useTRPC();
  const { datasetId, workers, minWorkers, epochs, globalBatch } = useDeferredValue(choice);
  const plan = useQuery(
    trpc.training.plan.queryOptions(
      { team, datasetId, workers, minWorkers, epochs, globalBatch },
      { placeholderData: (previous) => previous, refetchInterval: 5000, retry: false },
    ),
  );
  const p = plan.data;
  return (
    <Panel title="Before you launch" subtitle="predicted">
      <div className="panel-body col">
        {p && (
          <>
            <StatusDot state={fitShape(p.fit.state)}>{FIT_SAYS[p.fit.state]}</StatusDot>
            <p className="t18">
              {p.startsInSeconds === null ? (
                "start not known: no run like this yet"
              ) : (
                <span className="predicted">in about {duration(p.startsInSeconds)}</span>
              )}
            </p>
            <p className="t2">{p.fit.says}</p>
          </>
        )}
        {plan.isError && <p className="t2">{readError(plan.error).message}</p>}
        {children}
        {p && (
          <DefinitionList
            items={[
              ["Steps", `${count(p.steps)}, ${count(p.stepsPerEpoch)} an epoch`],
              [
                "Takes",
                p.takesSeconds === null ? (
                  "not known yet"
                ) : (
                  <>
                    <span className="predicted">{duration(p.takesSeconds)}</span> from {p.fromRuns} runs like
                    it
                  </>
                ),
              ],
              ["Costs", costsSay(p.costsPerHour, p.takesSeconds)],
              ["Makes", `a version of ${options.model} after v${options.number}, not served`],
              ["Judged", `against v${judgedAgainst} on the same samples`],
            ]}
          />
        )}
      </div>
    </Panel>
  );
}

function costsSay(perHour: number | null, seconds: number | null) {
  if (perHour === null) return "not known: its pool has no price";
  const hourly = `${money(perHour)} an hour`;
  if (seconds === null) return hourly;
  return (
    <>
      <span className="predicted">{money((perHour * seconds) / 3600)}</span> at {hourly}
    </>
  );
}
