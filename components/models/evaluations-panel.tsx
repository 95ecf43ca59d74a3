"use client";
import Link from "next/link";
import { useState } from "react";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button } from "@/components/ui/button";
import { Digest } from "@/components/ui/digest";
import { EmptyState } from "@/components/ui/feedback";
import { besideInWords, changedWords, figureOf } from "@/components/ui/figure";
import { bytes, count, ms, percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Bar } from "@/components/ui/progress";
import { type Column, Table } from "@/components/ui/table";
import { TASKS } from "@/server/datasets/contract";
import type { VersionPageData } from "./version-page";

type Evaluation = VersionPageData["evaluations"][number];

/** Every measurement of this version; differences are paired on the same samples. */
export function EvaluationsPanel({
  team,
  page,
  onEvaluate,
}: {
  team: string;
  page: VersionPageData;
  onEvaluate: () => void;
}) {
  const may = useMay(team);
  const [chosen, setChosen] = useState<string>();
  const shown = page.evaluations.find((e) => e.id === chosen) ?? page.evaluations[0];
  return (
    <Panel
      title="Evaluations"
      subtitle="95% intervals; differences are paired on the same samples"
      tools={
        may("run.launch") && (
          <Button size="sm" onClick={onEvaluate}>
            Evaluate on…
          </Button>
        )
      }
    >
      <Table
        label="Evaluations"
        columns={columns(team)}
        rows={page.evaluations}
        rowKey={(e) => e.id}
        onRowPress={(e) => setChosen(e.id)}
        isSelected={(e) => page.evaluations.length > 1 && e.id === shown?.id}
        empty={
          <EmptyState title="Not measured yet">
            An evaluation runs this version over a dataset’s whole test set and keeps every answer, so that
            versions can be compared sample by sample.
          </EmptyState>
        }
      />
      {shown && shown.result.figures.length > 0 && (
        <p className="body t2">
          {shown.result.figures.map((beside) => besideInWords(beside, `v${shown.baselineNumber}`)).join(", ")}
        </p>
      )}
      {shown && shown.result.memory.length > 0 && (
        <p className="body t2">
          Peak memory {shown.result.memory.map((m) => `${bytes(m.peakBytes)} at batch ${m.batch}`).join(", ")}
          : to open the file and answer once, beyond the libraries and the input, in a process of its own.
        </p>
      )}
      {shown && shown.result.perClass.length > 0 && <PerClass evaluation={shown} />}
    </Panel>
  );
}

const columns = (team: string): Column<Evaluation>[] => [
  { key: "dataset", head: "Dataset", cell: (e) => e.datasetName },
  { key: "n", head: "n", align: "end", cell: (e) => count(e.result.n) },
  {
    key: "accuracy",
    head: "Figure",
    align: "end",
    cell: ({ result: { task, accuracy, halfWidth, figures }, baselineNumber }) => (
      <span title={figures.map((beside) => besideInWords(beside, `v${baselineNumber}`)).join(", ")}>
        {figureOf(task).name}{" "}
        <b className="m">
          {figureOf(task).value(accuracy)} {figureOf(task).half(halfWidth)}
        </b>
      </span>
    ),
  },
  {
    key: "paired",
    head: "Difference",
    align: "end",
    cell: ({ result: { task, paired }, baselineNumber }) =>
      paired && (
        <span
          title={`${changedWords(paired, task)}${
            paired.mcnemarP === null ? "" : `, McNemar p = ${paired.mcnemarP.toPrecision(2)}`
          }`}
        >
          {figureOf(task).difference(paired.difference)} {figureOf(task).half(paired.halfWidth)}{" "}
          <span className="t2">to v{baselineNumber}</span>
        </span>
      ),
  },
  {
    key: "latency",
    head: "p50, 1 / 64",
    align: "end",
    cell: ({ result: { latency } }) => latency.map((l) => ms(l.p50Ms)).join(" / ") || "not measured",
  },
  {
    key: "run",
    head: "Run",
    align: "end",
    cell: (e) =>
      e.runNumber !== null && (
        <Link className="link" href={`/${team}/training/${e.runNumber}`}>
          {e.runNumber}
        </Link>
      ),
  },
  { key: "digest", head: "Evaluation", cell: (e) => <Digest value={e.digest} /> },
  {
    key: "at",
    head: "Measured",
    align: "end",
    cell: (e) => <Age at={e.createdAt} form="ago" />,
  },
];

/** What share of each class or label is right, worst first: what a decision rests on when they matter differently. */
function PerClass({ evaluation: { result, labels, baselineNumber } }: { evaluation: Evaluation }) {
  const part = TASKS[result.task].part ?? "class";
  const rows = result.perClass.toSorted((a, b) => a.correct / (a.n || 1) - b.correct / (b.n || 1));
  return (
    <div className="per-class">
      <h3 className="lab">By {part}, worst first</h3>
      <Table
        label={`${figureOf(result.task).name} by ${part}`}
        tight
        maxHeight={320}
        rows={rows}
        rowKey={(row) => String(row.label)}
        columns={[
          {
            key: "class",
            head: part === "label" ? "Label" : "Class",
            cell: (row) => labels[row.label] ?? `${part} ${row.label}`,
          },
          { key: "n", head: "n", align: "end", width: "72px", cell: (row) => count(row.n) },
          {
            key: "accuracy",
            head: "Right",
            align: "end",
            width: "96px",
            cell: (row) => percent(row.n ? row.correct / row.n : null),
          },
          {
            key: "bar",
            head: "Wrong",
            width: "24%",
            cell: (row) => (
              <Bar
                tone="warn"
                value={row.n ? 1 - row.correct / row.n : 0}
                label={`${part} ${row.label}: wrong`}
              />
            ),
          },
          ...(baselineNumber === null
            ? []
            : [
                {
                  key: "change",
                  head: `To v${baselineNumber}`,
                  align: "end" as const,
                  width: "140px",
                  cell: (row: (typeof rows)[number]) => `${row.gained} gained, ${row.lost} lost`,
                },
              ]),
        ]}
      />
    </div>
  );
}
