"use client";
import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { Button } from "@/components/ui/button";
import type { Crumb } from "@/components/ui/crumbs";
import { Digest } from "@/components/ui/digest";
import { Callout, Skeleton } from "@/components/ui/feedback";
import { count } from "@/components/ui/format";
import { KeyHint } from "@/components/ui/key-hint";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { Select } from "@/components/ui/select";
import type { LayerTimes } from "@/server/models/contract";
import type { Settings } from "@/server/studio/contract";
import type { Measured, Measurement, StudioBaseline, Target } from "@/server/studio/session-contract";
import { Below } from "./below";
import { StudioCharts } from "./charts";
import { CommitDialog } from "./commit-dialog";
import { Dials } from "./dials";
import { LayersPanel } from "./layers-panel";
import { type Measuring, workSays } from "./measuring";
import { type Dial, predict } from "./predict";
import type { Search } from "./search";
import { SessionPlace, SessionState } from "./session-state";
import { allowed, isUnchanged, reasonOf, sameSettings } from "./settings";
import { TargetPanel } from "./target-panel";
import { StudioTiles } from "./tiles";
import { useDials } from "./use-dials";
import { useMeasure } from "./use-measure";
import { useSearch } from "./use-search";
import { useSession } from "./use-session";
import { warningsOf } from "./warnings";

interface Props {
  team: string;
  page: Outputs["models"]["version"];
  dataset: { id: string; name: string; test: number };
  /** Names of all datasets that fit. */
  datasets: readonly string[];
  onDataset: (name: string) => void;
  crumbs: readonly Crumb[];
}

export function Studio({ team, page, dataset, datasets, onDataset, crumbs }: Props) {
  const { model, version, latestNumber } = page;
  const may = useMay(team);
  const session = useSession({ team, versionId: version.id, datasetId: dataset.id, total: dataset.test });
  const [committing, setCommitting] = useState(false);
  const [dialed, turn] = useDials();
  const settings = useMemo(
    () => (session.baseline ? allowed(dialed, session.baseline) : dialed),
    [dialed, session.baseline],
  );
  const isBaseline = isUnchanged(settings);
  const { measuring, again, now, claim, follow } = useMeasure({
    team,
    sessionId: session.isReady && session.baseline && session.session ? session.session.id : null,
    lastRev: session.session?.lastRev ?? 0,
    settings,
    isBaseline,
    known: session.measurements,
    total: dataset.test,
  });
  const { search, find, cancel } = useSearch({
    team,
    sessionId: session.isReady && session.session ? session.session.id : null,
    claim,
    follow,
    onSettled: turn,
  });
  const { reopen } = session;
  const isClosed = session.session?.state === "closed";
  const change = useCallback(
    (next: Settings) => {
      turn(next);
      // A session that idled away comes back with the first turn of a dial.
      if (isClosed) reopen();
    },
    [turn, isClosed, reopen],
  );

  const reason = !may("version.commit")
    ? "Committing needs the role engineer."
    : isBaseline
      ? "Turn a dial first."
      : undefined;
  useEffect(() => {
    const commit = (event: KeyboardEvent) => {
      if (event.key !== "Enter" || !(event.metaKey || event.ctrlKey) || reason) return;
      if (document.querySelector("[role=dialog]")) return;
      event.preventDefault();
      setCommitting(true);
    };
    document.addEventListener("keydown", commit);
    return () => document.removeEventListener("keydown", commit);
  }, [reason]);

  const { baseline, measurements: known } = session;
  const measured = useMemo(() => measuredOf(settings, measuring, known), [settings, measuring, known]);
  const measurements = useMemo(() => withRunning(known, measuring), [known, measuring]);
  const from = `v${version.number}`;
  return (
    <>
      <PageHeader
        title={`${model.name} ${from}`}
        crumbs={crumbs}
        state={<Digest value={version.digest} />}
        meta={
          <span className="row">
            <span>on</span>
            {datasets.length > 1 ? (
              <Select
                label="Dataset"
                options={datasets.map((name) => ({ value: name, label: name }))}
                value={dataset.name}
                onValueChange={onDataset}
              />
            ) : (
              <span>{dataset.name},</span>
            )}
            <span>{count(dataset.test)} test samples</span>
            <SessionPlace session={session.session} />
          </span>
        }
        actions={
          <Button variant="primary" reason={reason} onClick={() => setCommitting(true)}>
            Commit as v{latestNumber + 1}… <KeyHint keys="⌘↵" />
          </Button>
        }
      />
      {session.error && (
        <Callout state="bad" actions={<Button onClick={reopen}>Try again</Button>}>
          <b className="m">{readError(session.error).message}</b> {readError(session.error).remedy}
        </Callout>
      )}
      {!session.isReady && !session.error && (
        <SessionState
          team={team}
          session={session.session}
          hasBaseline={Boolean(baseline)}
          onReopen={reopen}
        />
      )}
      {!baseline && !session.error && <BenchSkeleton />}
      {baseline && (
        <Bench
          {...{ settings, change, baseline, measurements, measured, measuring, from }}
          {...{ again, now, search, find, cancel }}
          sessionId={session.isReady && session.session ? session.session.id : null}
          team={team}
          versionId={version.id}
          datasetId={dataset.id}
          datasetName={dataset.name}
          times={page.evaluations.find((e) => e.result.layerTimes)?.result.layerTimes ?? null}
        />
      )}
      {baseline && (
        <CommitDialog
          team={team}
          model={model.name}
          versionId={version.id}
          datasetId={dataset.id}
          from={from}
          settings={settings}
          measured={measured}
          task={baseline.task}
          units={baseline.units}
          evidence={{ baseline, measurements: known }}
          open={committing}
          onOpenChange={setCommitting}
        />
      )}
    </>
  );
}

/** What is known of exactly these settings: being measured now, or measured before. Nothing of any others. */
function measuredOf(
  settings: Settings,
  measuring: Measuring | null,
  known: readonly Measurement[],
): Partial<Measured> {
  const before = known.find((m) => sameSettings(m.settings, settings))?.measured;
  const now = measuring && sameSettings(measuring.settings, settings) ? measuring.lines : undefined;
  if (!now) return before ?? {};
  const isSharper = (now.accuracy?.n ?? 0) >= (before?.accuracy.n ?? 0);
  return isSharper ? { ...before, ...now } : { ...now, ...before };
}

/** The history, and on top of it what is being measured and not kept yet: its whisker shrinks in place. */
function withRunning(known: readonly Measurement[], measuring: Measuring | null): Measurement[] {
  const accuracy = measuring?.lines.accuracy;
  if (!measuring || !accuracy) return [...known];
  const before = known.find((m) => sameSettings(m.settings, measuring.settings));
  if (before && before.n >= accuracy.n) return [...known];
  const running: Measurement = {
    id: before?.id ?? "running",
    settings: measuring.settings,
    measured: { ...measuring.lines, accuracy },
    n: accuracy.n,
    createdAt: before?.createdAt ?? new Date(),
  };
  return [running, ...known.filter((m) => m !== before)];
}

interface BenchProps {
  team: string;
  versionId: string;
  datasetId: string;
  settings: Settings;
  change: (next: Settings) => void;
  baseline: StudioBaseline;
  /** With what is being measured now. */
  measurements: readonly Measurement[];
  measured: Partial<Measured>;
  measuring: Measuring | null;
  from: string;
  datasetName: string;
  times: LayerTimes | null;
  again: () => void;
  now: () => void;
  /** Null while no session answers. */
  sessionId: string | null;
  search: Search | null;
  find: (target: Target, settings: Settings) => void;
  cancel: () => void;
}

/** The panels that are about to come, in their places. */
function BenchSkeleton() {
  const lines = (count: number) =>
    Array.from({ length: count }, (_, i) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: lines without content have no other name
      <p key={i} className="py-2">
        <Skeleton width={`${55 + ((i * 23) % 40)}%`} />
      </p>
    ));
  return (
    <div className="studio mt-3" aria-hidden="true">
      <Panel padded>{lines(9)}</Panel>
      <Panel padded>{lines(16)}</Panel>
      <Panel padded>{lines(16)}</Panel>
    </div>
  );
}

/** Dials at the left, figures and charts in the middle, layers at the right; what breaks and the history below. */
function Bench(props: BenchProps) {
  const { settings, change, baseline, measurements, measured, measuring, from } = props;
  const { team, versionId, datasetId } = props;
  const trpc = useTRPC();
  const { data: partners } = useQuery(trpc.studio.mergePartners.queryOptions({ team, versionId, datasetId }));
  const [active, setActive] = useState<Dial>(() =>
    settings.merge ? "merge" : settings.channels > 0 && settings.sparsity === 0 ? "channels" : "sparsity",
  );
  const evidence = useMemo(() => ({ baseline, measurements }), [baseline, measurements]);
  const prediction = useMemo(() => predict(evidence, settings, active), [evidence, settings, active]);
  const isBaseline = isUnchanged(settings);
  const isMine = measuring !== null && sameSettings(measuring.settings, settings);
  const { find } = props;
  const findHere = useCallback((target: Target) => find(target, settings), [find, settings]);
  return (
    <div className="col">
      {isMine && (measuring.state === "failed" || measuring.state === "superseded") && (
        <Callout
          state={measuring.state === "failed" ? "bad" : "warning"}
          actions={<Button onClick={props.again}>Measure again</Button>}
        >
          <b className="m">This setting is not fully measured.</b> {measuring.message}
        </Callout>
      )}
      <div className="studio">
        <div className="col studio-left">
          <Dials
            settings={settings}
            onSettings={change}
            onRelease={props.now}
            active={active}
            onActive={setActive}
            baseline={baseline}
            measurements={measurements}
            partners={partners}
            from={from}
          />
        </div>
        <div className="col studio-middle">
          <StudioTiles
            baseline={baseline}
            from={from}
            prediction={prediction}
            measured={isBaseline ? asMeasured(baseline) : measured}
            status={statusOf(isBaseline, isMine ? measuring : null, measured, from)}
            warnings={isBaseline ? [] : warningsOf(settings, measured, baseline)}
          />
          <StudioCharts
            evidence={evidence}
            settings={settings}
            prediction={prediction}
            isMeasured={measured.accuracy !== undefined || isBaseline}
            dial={active}
            from={from}
            onRestore={change}
          />
          <TargetPanel
            task={baseline.task}
            units={baseline.units}
            search={props.search}
            onFind={findHere}
            onCancel={props.cancel}
            onRestore={change}
            reason={reasonOf(baseline, "sparsity") && reasonOf(baseline, "precision")}
          />
        </div>
        <LayersPanel
          baseline={baseline}
          built={isBaseline ? undefined : measured.built}
          settings={settings}
          onSettings={change}
          times={props.times}
        />
      </div>
      <Below
        {...{ team, from, settings, measured, measurements }}
        sessionId={props.sessionId}
        datasetName={props.datasetName}
        task={baseline.task}
        units={baseline.units}
        onRestore={change}
      />
    </div>
  );
}

/** The version itself, in the words of a measurement. */
function asMeasured(baseline: StudioBaseline): Partial<Measured> {
  const at = { rev: 0, elapsedMs: 0 };
  const { n, accuracy, sizes, macs, latency } = baseline;
  return {
    accuracy: {
      type: "accuracy",
      ...at,
      n,
      total: n,
      accuracy,
      baselineAccuracy: accuracy,
      paired: { n, gained: 0, lost: 0, difference: 0, halfWidth: 0, mcnemarP: 1 },
      figures: baseline.figures,
      perClass: [],
    },
    built: {
      type: "built",
      ...at,
      achieved: { channels: 0, sparsity: 0 },
      layers: baseline.layers,
      sizes,
      macs,
    },
    latency: { type: "latency", ...at, latency },
  };
}

function statusOf(
  isBaseline: boolean,
  measuring: Measuring | null,
  { accuracy }: Partial<Measured>,
  from: string,
): string {
  if (isBaseline) return `this is ${from} itself`;
  if (!measuring) return accuracy ? "measured before" : "measured once the dial rests";
  if (measuring.state === "waiting")
    return measuring.work ? workSays(measuring.work) : "building this setting";
  if (measuring.state === "measuring" && accuracy)
    return accuracy.n < accuracy.total ? "sharpening" : "whole test set; timing next";
  if (measuring.state === "done" && accuracy) return "on the whole test set";
  return measuring.state === "measuring" ? "measuring" : "";
}
