import { clockTime, count, duration, money } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Bar } from "@/components/ui/progress";
import { StatusDot } from "@/components/ui/status";
import { Table } from "@/components/ui/table";
import { resizedSays, shapeOf } from "./run-words";
import type { RunDetail } from "./types";

type Attempt = RunDetail["attempts"][number];

/** How far an attempt came: while it runs, the run's own progress says so. */
const stepOf = (run: RunDetail, attempt: Attempt): number =>
  attempt.lastStep ?? (attempt === run.attempts.at(-1) ? (run.progress?.step ?? 0) : 0);

const stepsOf = (run: RunDetail, attempt: Attempt): string => {
  const last = stepOf(run, attempt);
  return last === 0 ? "none yet" : `${count(attempt.firstStep ?? 0)} to ${count(last)}`;
};

/** Every try: how far it came, why it ended, what that cost. */
export function AttemptsPanel({ run }: { run: RunDetail }) {
  const total = run.progress?.totalSteps ?? null;
  return (
    <Panel title="Attempts" subtitle={`${run.attempts.length} of at most ${run.maxAttempts + run.resumes}`}>
      <Table
        label="Attempts"
        rows={run.attempts}
        rowKey={(a) => a.id}
        flag={(a) => (a.state === "failed" || a.state === "lost" ? "bad" : undefined)}
        columns={[
          {
            key: "number",
            head: "Attempt",
            width: "80px",
            cell: (a) => <span className="m">{a.number}</span>,
          },
          {
            key: "state",
            head: "State",
            width: "120px",
            cell: (a) => <StatusDot state={shapeOf(a.state)}>{a.state}</StatusDot>,
          },
          {
            key: "steps",
            head: "Steps",
            width: "180px",
            cell: (a) => (
              <span className="row">
                {/* A script counts for itself. */}
                <span className="num">{run.kind === "script" ? "its own" : stepsOf(run, a)}</span>
                {total ? (
                  <Bar value={stepOf(run, a) / total} label={`Attempt ${a.number}`} className="grow" />
                ) : null}
              </span>
            ),
          },
          ...(run.resources.minWorkers < run.resources.workers
            ? [
                {
                  key: "workers",
                  head: "Workers",
                  align: "end" as const,
                  width: "72px",
                  cell: (a: Attempt) => (a.admittedAt ? a.workerCount : ""),
                },
              ]
            : []),
          {
            key: "lost",
            head: "Done again",
            align: "end",
            width: "90px",
            cell: (a) => (a.stepsLost === null ? "" : count(a.stepsLost)),
          },
          {
            key: "took",
            head: "Took",
            align: "end",
            width: "110px",
            cell: (a) =>
              a.startedAt && a.endedAt ? duration((a.endedAt.getTime() - a.startedAt.getTime()) / 1000) : "",
          },
          ...(run.cost
            ? [
                {
                  key: "cost",
                  head: "Cost",
                  align: "end" as const,
                  width: "80px",
                  cell: ({ cost }: Attempt) => cost && money(cost.amount),
                },
              ]
            : []),
          {
            key: "cause",
            head: "What happened",
            cell: (a) => (
              <span
                className="clip"
                title={a.cause ? `${a.cause.message}\n\n${a.cause.evidence}` : undefined}
              >
                {resizedSays(a, run.attempts[run.attempts.indexOf(a) - 1])}{" "}
                {a.cause ? `${clockTime(a.endedAt?.getTime(), "local")} ${a.cause.message}` : ""}
              </span>
            ),
          },
        ]}
      />
    </Panel>
  );
}
