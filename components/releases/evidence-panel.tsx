"use client";
import { ForestPlot } from "@/components/charts/forest-plot";
import { Digest } from "@/components/ui/digest";
import { EmptyState } from "@/components/ui/feedback";
import { changedWords, figureOf } from "@/components/ui/figure";
import { count } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Progress } from "@/components/ui/progress";
import { type Column, Table } from "@/components/ui/table";
import { floorInWords } from "@/server/releases/policy-contract";
import { type ComparisonRow, comparisonRows, forestRows, mainRows, rowsOf } from "./evidence";
import { useIsPhone } from "./use-is-phone";
import type { RequestPage } from "./words";

/** The figure, all together and by class or label, against production, or how far the measurement is. */
export function AccuracyPanel({ page }: { page: RequestPage }) {
  const isPhone = useIsPhone();
  const { evaluation, production, run } = page;
  const task = evaluation?.task ?? page.task;
  const figure = figureOf(task);
  if (!evaluation) {
    const progress = run?.progress;
    return (
      <Panel title={`${figure.name}, candidate minus production`} padded>
        <Progress
          label="Measuring candidate and production"
          value={
            progress?.percent === null || progress?.percent === undefined ? null : progress.percent / 100
          }
          step={progress?.message}
          etaSeconds={progress?.etaSeconds}
          waiting={progress ? undefined : `waiting for the cluster to take run ${run?.number ?? ""}`}
          failed={
            page.state === "void"
              ? (run?.cause?.message ?? "The measurement ended without a result.")
              : undefined
          }
        />
      </Panel>
    );
  }
  const subtitle = (
    <>
      same {count(evaluation.n)} samples, {page.dataset} <Digest value={page.datasetDigest} label="dataset" />
      {page.digests.evaluationDigest && (
        <>
          , evaluation <Digest value={page.digests.evaluationDigest} label="evaluation" />
        </>
      )}
    </>
  );
  if (!production || !evaluation.paired) {
    return (
      <Panel title={figure.name} subtitle={subtitle}>
        <EmptyState title="There is nothing to compare with">
          Nothing serves production yet, so this is measured alone: {figure.name}{" "}
          {figure.value(evaluation.accuracy)} on {count(evaluation.n)} samples.
        </EmptyState>
      </Panel>
    );
  }
  const rows = forestRows(evaluation, page.labels);
  const floor = page.policy.rules.metrics.find((rule) => rule.metric === "score");
  const difference = figure.unit ? "Difference, points" : `Difference in ${figure.name}`;
  return (
    <ForestPlot
      title={`${figure.name}, candidate minus production`}
      subtitle={subtitle}
      rows={isPhone ? mainRows(rows) : rows}
      reference={`v${production.number}`}
      rowLabel={rowsOf(task).head}
      {...(floor && {
        limit: {
          value: -floor.worseBy * figure.scale,
          // There is no room for it beside the reference; the gate itself says it.
          label: isPhone ? "" : `gate: ${floorInWords(task, floor).replace(" pt", "")}`,
        },
      })}
      unit={figure.unit}
      xLabel={
        isPhone
          ? difference
          : `${difference}. ${changedWords(evaluation.paired, task)}${rows.length > 1 ? ". Intervals of single rows are pointwise" : ""}`
      }
    />
  );
}

const againstProduction = (number: number): Column<ComparisonRow>[] => [
  {
    key: "production",
    head: `v${number}`,
    align: "end",
    cell: (row) => <span className="t2">{row.production}</span>,
  },
  {
    key: "change",
    head: "Change",
    align: "end",
    cell: (row) => <span className={row.loses ? "m" : "t2"}>{row.change}</span>,
  },
];

const SCALE_COLUMNS: Column<ComparisonRow>[] = [
  {
    key: "scale",
    head: <span className="sr-only">Scale</span>,
    width: "22%",
    cell: (row) => <ScaleLine row={row} />,
  },
  { key: "limit", head: "Limit", cell: (row) => <span className="t2">{row.limit}</span> },
];

/** Size and latency of both, each row on its own scale. */
export function ComparisonPanel({ page }: { page: RequestPage }) {
  const isPhone = useIsPhone();
  const { candidate, production } = page;
  return (
    <Panel
      title="Size and speed"
      subtitle={page.evaluation ? "latency measured interleaved in one run" : undefined}
      tools={
        <span className="legend">
          <span>
            <i className="key candidate" />v{candidate.number} candidate
          </span>
          {production && (
            <span>
              <i className="key production" />v{production.number} production
            </span>
          )}
        </span>
      }
    >
      <Table
        label="Size and speed"
        rows={comparisonRows(page)}
        rowKey={(row) => row.id}
        columns={[
          {
            key: "what",
            head: "What",
            width: isPhone ? "36%" : "24%",
            cell: (row) => <span className={isPhone ? "wrap" : undefined}>{row.what}</span>,
          },
          {
            key: "candidate",
            head: `v${candidate.number}`,
            align: "end",
            cell: (row) => <span className="m">{row.candidate}</span>,
          },
          ...(production ? againstProduction(production.number) : []),
          ...(production && !isPhone ? SCALE_COLUMNS : []),
        ]}
      />
    </Panel>
  );
}

function ScaleLine({ row }: { row: ComparisonRow }) {
  if (!row.at) return null;
  const left = (share: number) => ({ left: `${100 * share}%` });
  return (
    <span className="scale-line" aria-hidden="true">
      {row.at.limit !== null && <i className="limit" style={left(row.at.limit)} />}
      <i className="key production" style={left(row.at.production)} />
      <i className="key candidate" style={left(row.at.candidate)} />
    </span>
  );
}
