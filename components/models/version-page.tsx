"use client";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { type Outputs, useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { LinkButton } from "@/components/ui/button";
import { Digest } from "@/components/ui/digest";
import { Callout, Skeleton } from "@/components/ui/feedback";
import { bytes } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { Progress } from "@/components/ui/progress";
import { MAX_COMPARED } from "@/server/models/contract";
import { EvaluateDialog } from "./evaluate-dialog";
import { EvaluationsPanel } from "./evaluations-panel";
import { InspectionChecklist } from "./inspection-checklist";
import { LayersPanel } from "./layers-panel";
import { LineagePanel } from "./lineage-panel";
import { StageButton } from "./stage-button";
import { useCompareCommand } from "./use-compare-command";
import { FactsPanel, ProvenancePanel, SizesPanel } from "./version-panels";
import { VersionStateBadge } from "./version-state";

export type VersionPageData = Outputs["models"]["version"];

interface VersionPageProps {
  team: string;
  model: string;
  number: number;
  /** What it cost, for one that is ready. */
  cost: ReactNode;
}

export function VersionPage({ team, model, number, cost }: VersionPageProps) {
  const trpc = useTRPC();
  const page = useQuery({
    ...trpc.models.version.queryOptions({ team, model, number }),
    // Progress of an inspection is told by the run's own events; this is the net below them.
    refetchInterval: (query) => (query.state.data?.openRuns.length ? 2_000 : false),
  });
  if (page.isPending) return <Skeleton />;
  if (page.isError) {
    return (
      <QueryError error={page.error} remedy="The model's page shows its versions." onRetry={page.refetch} />
    );
  }
  return <Loaded team={team} page={page.data} cost={cost} />;
}

function Loaded({ team, page, cost }: { team: string; page: VersionPageData; cost: ReactNode }) {
  const { model, version, lineage } = page;
  const [evaluating, setEvaluating] = useState(false);
  const base = `/${team}/models/${model.name}`;
  const isReady = version.state === "ready";
  const isServing = page.serving?.versionNumber === version.number;
  return (
    <>
      <PageHeader
        title={`${model.name} v${version.number}`}
        state={<VersionStateBadge state={version.state} />}
        meta={
          <>
            <Digest value={version.digest} /> {bytes(version.bytes)}, {origin(version.origin)}
            {version.createdByName && ` by ${version.createdByName}`},{" "}
            <Age at={version.createdAt} form="ago" />
            {isServing && ", in production"}
          </>
        }
        crumbs={[
          { label: "Models", href: `/${team}/models` },
          { label: model.name, href: base },
          { label: `v${version.number}` },
        ]}
        actions={isReady && <Actions team={team} page={page} />}
      />
      <div className="col">
        <Refusal page={page} />
        <OpenRuns page={page} />
        {lineage.length > 1 && (
          <LineagePanel team={team} model={model.name} lines={[lineage]} current={version.id} />
        )}
        <div className="version-columns">
          <div className="col">
            {!isReady && <InspectionChecklist page={page} />}
            {version.inspection && (
              <LayersPanel
                inspection={version.inspection}
                times={page.evaluations.find((e) => e.result.layerTimes)?.result.layerTimes ?? null}
                studio={`${base}/v/${version.number}/studio`}
              />
            )}
            {isReady && <EvaluationsPanel team={team} page={page} onEvaluate={() => setEvaluating(true)} />}
          </div>
          <div className="col">
            {version.sizes && <SizesPanel page={page} />}
            {isReady && cost}
            {version.inspection && (
              <FactsPanel inspection={version.inspection} tier={version.tier ?? version.inspection.tier} />
            )}
            <ProvenancePanel team={team} page={page} />
            {version.note && (
              <Panel title="Note" subtitle={version.createdByName ?? undefined} padded>
                <p>{version.note}</p>
              </Panel>
            )}
          </div>
        </div>
      </div>
      <EvaluateDialog team={team} page={page} open={evaluating} onOpenChange={setEvaluating} />
    </>
  );
}

const origin = (of: VersionPageData["version"]["origin"]): string =>
  ({
    upload: "uploaded",
    sample: "sample model",
    compress: "committed",
    train: "trained",
    script: "logged by a script",
  })[of];

function Actions({ team, page }: { team: string; page: VersionPageData }) {
  const may = useMay(team);
  const { model, version } = page;
  const others = page.lineage.filter((other) => other.id !== version.id).slice(-(MAX_COMPARED - 1));
  const numbers = [...others, version].map((other) => other.number);
  const comparison = `/${team}/models/${model.name}/compare?v=${numbers.join(",")}`;
  useCompareCommand(model.name, others.length > 0 ? comparison : undefined);
  const trainable = version.tier !== null && version.tier <= 2;
  return (
    <>
      <a className="btn" href={`/api/models/${team}/${version.id}/download`} download>
        Download
      </a>
      {others.length > 0 && (
        <LinkButton href={comparison} title="Side by side with its lineage">
          Compare
        </LinkButton>
      )}
      {may("run.launch") && trainable && (
        <LinkButton href={`/${team}/training/new?version=${version.id}`}>
          {version.parentId ? "Recover by training…" : "Train…"}
        </LinkButton>
      )}
      {may("release.stage") && <StageButton team={team} versionId={version.id} />}
      {may("release.request") && (
        <LinkButton href={`/${team}/releases/request?version=${version.id}`}>Request production…</LinkButton>
      )}
      <LinkButton variant="primary" href={`/${team}/models/${model.name}/v/${version.number}/studio`}>
        Open in studio
      </LinkButton>
    </>
  );
}

/** Why a file was kept out: which rule, where, and how to mend it. */
function Refusal({ page: { version, run } }: { page: VersionPageData }) {
  if (version.state === "failed") {
    return (
      <Callout state="bad">
        <b className="m">Nobody could look into this file.</b> The inspection ended without a verdict
        {run?.state === "stopped" ? ": it was stopped." : "."} Upload it again to try once more.
      </Callout>
    );
  }
  if (!version.refusal) return null;
  const { rule, message, where, remedy } = version.refusal;
  return (
    <Callout state="bad">
      <b className="m">Refused by rule “{rule}”.</b> {message}
      {where && (
        <>
          {" "}
          Found at <span className="mono">{where}</span>.
        </>
      )}
      <br />
      <span className="t2">{remedy} Nothing in the file was executed.</span>
    </Callout>
  );
}

/** Measurements under way, with what they wait for. */
function OpenRuns({ page }: { page: VersionPageData }) {
  const runs = page.openRuns.filter((run) => run.kind !== "inspect_model");
  return runs.map((run) => (
    <Panel key={run.id} padded>
      <div className="col">
        <b className="m">{run.title}</b>
        <Progress
          label={run.title}
          value={run.progress?.percent == null ? null : run.progress.percent / 100}
          step={run.progress?.message}
          etaSeconds={run.progress?.etaSeconds}
          waiting={run.progress ? undefined : "waiting for a worker: the cluster places it on a node"}
        />
      </div>
    </Panel>
  ));
}
