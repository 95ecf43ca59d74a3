import { Sparkline } from "@/components/charts/sparkline";
import { LinkButton } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { ms, percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { type Column, Table } from "@/components/ui/table";
import type { Served } from "./types";
import { HEALTH, rate, shadowSays, shadowShare } from "./words";

const milliseconds = (us: number | null) => (us === null ? <span className="t3">none</span> : ms(us / 1000));

/** Of the last hour, in which somebody asked. */
const minutesOf = ({ p99Ms }: Served): number => p99Ms.filter((value) => value !== null).length;

const COLUMNS: readonly Column<Served>[] = [
  { key: "model", head: "Model", cell: (r) => <span className="m">{r.model}</span> },
  {
    key: "version",
    head: "Version",
    width: "148px",
    cell: (r) => (
      <>
        <i className="key production" />v{r.version}
        {r.shadow ? (
          <span className="t3" title={shadowSays(r.shadow)}>
            , v{r.shadow.version} {shadowShare(r.shadow)}
          </span>
        ) : (
          r.rolling !== null && <span className="t3">, v{r.rolling} comes</span>
        )}
      </>
    ),
  },
  {
    key: "state",
    head: "State",
    width: "148px",
    cell: (r) => <StatusDot state={HEALTH[r.health].state}>{HEALTH[r.health].words}</StatusDot>,
  },
  { key: "rate", head: "Requests", align: "end", width: "84px", cell: (r) => rate(r.perSecond) },
  { key: "p50", head: "p50", align: "end", width: "76px", cell: (r) => milliseconds(r.p50Us) },
  {
    key: "p99",
    head: "p99",
    align: "end",
    width: "76px",
    cell: (r) => (r.health === "slow" ? <b>{milliseconds(r.p99Us)}</b> : milliseconds(r.p99Us)),
  },
  {
    key: "hour",
    head: "p99, last hour",
    width: "120px",
    cell: (r) =>
      minutesOf(r) > 1 ? (
        <Sparkline
          label={`p99 of ${r.model} over the last hour`}
          values={r.p99Ms}
          color={r.health === "slow" ? "var(--bad)" : "var(--c-production)"}
        />
      ) : (
        <span className="t3">{minutesOf(r) === 1 ? "one minute so far" : "no requests"}</span>
      ),
  },
  {
    key: "errors",
    head: "Errors",
    align: "end",
    width: "84px",
    cell: (r) => (r.errorRate === null ? <span className="t3">none</span> : percent(r.errorRate, 2)),
  },
];

/** What serves, the worst first; a row opens the release page, where the way back is. */
export function ProductionPanel({ team, rows }: { team: string; rows: readonly Served[] }) {
  return (
    <Panel title="Production" subtitle={rows.length > 1 ? "worst first" : undefined}>
      <Table
        label="Models in production"
        rows={rows}
        rowKey={(r) => r.modelId}
        rowHref={(r) => `/${team}/releases/${r.model}`}
        flag={(r) => (HEALTH[r.health].state === "bad" ? "bad" : r.health === "short" ? "warn" : undefined)}
        columns={COLUMNS}
        minFlexible={120}
        empty={
          <EmptyState
            title="Nothing serves production yet"
            actions={<LinkButton href={`/${team}/models`}>Choose a version</LinkButton>}
          >
            Open a version and request production for it; another person approves.
          </EmptyState>
        }
      />
    </Panel>
  );
}
