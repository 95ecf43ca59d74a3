import { Age } from "@/components/ui/age";
import { duration, percent } from "@/components/ui/format";
import { Bar } from "@/components/ui/progress";
import { StatusDot } from "@/components/ui/status";
import type { Column } from "@/components/ui/table";
import { ordinal, runSays, shapeOf } from "./run-words";
import type { RunRow } from "./types";

export const NUMBER: Column<RunRow> = {
  key: "number",
  head: "Run",
  width: "60px",
  cell: (r) => <span className="m num">{r.number}</span>,
};

/** All but the number, which is always there; a press on a model keeps its runs only, and what waits says for what. */
export const othersOf = (
  onModel: (id: string) => void,
  whyOf: (run: RunRow) => string | undefined,
): (Column<RunRow> & { head: string })[] => [
  { key: "title", head: "What", cell: (r: RunRow) => <What run={r} why={whyOf(r)} /> },
  {
    key: "model",
    head: "Model",
    width: "120px",
    cell: ({ model }) =>
      model && (
        <button type="button" className="link clip" onClick={() => onModel(model.id)}>
          {model.name}
        </button>
      ),
  },
  {
    key: "state",
    head: "State",
    width: "164px",
    cell: (r: RunRow) => (
      <StatusDot state={shapeOf(r.state)}>
        {runSays(r, r.attempts)}
        {r.place !== null && `, ${ordinal(r.place)} to go`}
      </StatusDot>
    ),
  },
  { key: "progress", head: "Progress", width: "130px", cell: (r: RunRow) => <RowProgress run={r} /> },
  {
    key: "left",
    head: "Left",
    width: "70px",
    align: "end",
    cell: (r: RunRow) =>
      r.state === "running" && r.progress?.etaSeconds != null ? duration(r.progress.etaSeconds) : "",
  },
  {
    key: "workers",
    head: "Workers",
    width: "70px",
    align: "end",
    cell: ({ resources: { minWorkers, workers } }: RunRow) =>
      minWorkers < workers ? `${minWorkers} to ${workers}` : workers,
  },
  {
    key: "took",
    head: "Took",
    width: "90px",
    align: "end",
    cell: (r: RunRow) =>
      r.startedAt && r.endedAt ? duration((r.endedAt.getTime() - r.startedAt.getTime()) / 1000) : "",
  },
  { key: "by", head: "By", width: "120px", cell: (r: RunRow) => r.createdByName ?? "system" },
  {
    key: "created",
    head: "Made",
    width: "96px",
    align: "end",
    cell: (r: RunRow) => <Age at={r.createdAt.getTime()} form="ago" />,
  },
];

function What({ run, why }: { run: RunRow; why: string | undefined }) {
  if (!why) return run.title;
  return (
    <span title={why}>
      {run.title} <span className="t3 s12">{why}</span>
    </span>
  );
}

function RowProgress({ run }: { run: RunRow }) {
  if (run.state === "succeeded" || run.progress?.percent == null) return null;
  const share = run.progress.percent / 100;
  return (
    <span className="row">
      <Bar
        value={share}
        label={run.title}
        tone={run.state === "failed" ? "bad" : "accent"}
        className="grow"
      />
      <span className="num s12">{percent(share, 0)}</span>
    </span>
  );
}
