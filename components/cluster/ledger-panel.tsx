"use client";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useNow } from "@/components/ui/clock";
import { EmptyState } from "@/components/ui/feedback";
import { clockTime, datetime, duration, money } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Select } from "@/components/ui/select";
import { StatusDot } from "@/components/ui/status";
import { type Column, Table } from "@/components/ui/table";
import { useUrlState } from "@/components/ui/use-url-state";
import { DecisionCause } from "@/server/cluster/contract";
import { achievedSays, CAUSES, decisionSays, failureSays } from "./decision-words";
import type { Decision } from "./types";

/** Every scaling decision with what came of it; a row opens to its nodes and what ran on them. */
export function LedgerPanel({ team, pools }: { team: string; pools: readonly string[] }) {
  const trpc = useTRPC();
  const now = useNow();
  const [, open] = useUrlState("decision");
  const [asked, setCause] = useUrlState("cause");
  const [of, setPool] = useUrlState("of-pool");
  const cause = DecisionCause.safeParse(asked).data ?? null;
  const pool = pools.includes(of) ? of : null;
  const ledger = useInfiniteQuery(
    trpc.cluster.ledger.infiniteQueryOptions(
      { team, cause, pool, limit: 30 },
      { getNextPageParam: (page) => page.nextCursor, placeholderData: keepPreviousData },
    ),
  );
  return (
    <Panel
      title="Ledger"
      subtitle="every scaling decision with its reason"
      tools={
        <>
          <span className="narrow-select">
            <Select
              label="Cause"
              options={CAUSE_OPTIONS}
              value={cause ?? ALL}
              onValueChange={(next) => setCause(next === ALL ? "" : next)}
            />
          </span>
          <span className="narrow-select">
            <Select
              label="Pool"
              options={[
                { value: ALL, label: "all pools" },
                ...pools.map((value) => ({ value, label: value })),
              ]}
              value={pool ?? ALL}
              onValueChange={(next) => setPool(next === ALL ? "" : next)}
            />
          </span>
        </>
      }
    >
      {ledger.error ? (
        <QueryError error={ledger.error} onRetry={ledger.refetch} />
      ) : (
        <Table
          label="Scaling decisions"
          rows={ledger.data?.pages.flatMap((page) => page.decisions) ?? []}
          rowKey={(d) => String(d.id)}
          onRowPress={(d) => open(String(d.id))}
          flag={(d) =>
            d.cause === "lost" || d.cause === "flapping"
              ? "bad"
              : d.failures > 0 && d.achieved < d.requested
                ? "warn"
                : undefined
          }
          loading={ledger.isPending}
          loadingMore={ledger.isFetchingNextPage}
          maxHeight={320}
          onEndReached={() => ledger.hasNextPage && !ledger.isFetchingNextPage && void ledger.fetchNextPage()}
          empty={
            cause || pool ? (
              <EmptyState title="No such decision">
                Nothing was decided of this cause and pool so far.
              </EmptyState>
            ) : (
              <EmptyState title="Nothing was decided yet">
                When work asks for nodes, or nodes idle, the decision stands here with its reason.
              </EmptyState>
            )
          }
          columns={columnsAt(now ?? 0)}
        />
      )}
    </Panel>
  );
}

/** A choice of nothing would be shown as none made. */
const ALL = "*";
const CAUSE_OPTIONS = [
  { value: ALL, label: "all causes" },
  ...DecisionCause.options.map((value) => ({ value, label: CAUSES[value].word })),
];

const DAY_MS = 86_400_000;

/** "14:31:34", and of earlier days "27 Nov 14:31". */
const timeSays = (at: number, now: number): string =>
  now - at < DAY_MS ? clockTime(at) : `${datetime(at).replace(/ \d{4},.*/, "")} ${clockTime(at).slice(0, 5)}`;

const seconds = (value: number | null): string => (value === null ? "" : duration(value));

const columnsAt = (now: number): Column<Decision>[] => [
  {
    key: "at",
    head: "Time, UTC",
    width: "104px",
    cell: (d) => <span title={datetime(d.at.getTime(), "local")}>{timeSays(d.at.getTime(), now)}</span>,
  },
  {
    key: "decision",
    head: "Decision",
    width: "190px",
    cell: (d) => (
      <span className="m" title={decisionSays(d)}>
        {decisionSays(d)}
      </span>
    ),
  },
  {
    key: "cause",
    head: "Cause",
    width: "112px",
    cell: (d) => <StatusDot state={CAUSES[d.cause].shape}>{CAUSES[d.cause].word}</StatusDot>,
  },
  {
    key: "reason",
    head: "Reason",
    cell: (d) => {
      const failed = failureSays(d, now);
      const whole = failed ? `${failed} ${d.reason}` : d.reason;
      return <span title={whole}>{whole}</span>;
    },
  },
  {
    key: "got",
    head: "Achieved",
    align: "end",
    width: "132px",
    cell: (d) =>
      d.direction === "up" && d.achieved < d.requested && !d.withdrawnAt ? (
        <StatusDot state={d.failures > 0 ? "warning" : "running"}>{achievedSays(d)}</StatusDot>
      ) : (
        achievedSays(d)
      ),
  },
  {
    key: "useful",
    head: "Useful after",
    align: "end",
    width: "104px",
    cell: (d) => seconds(d.usefulSeconds),
  },
  { key: "cooldown", head: "Cooldown", align: "end", width: "88px", cell: (d) => seconds(d.cooldownSeconds) },
  {
    key: "cost",
    head: "Cost so far",
    align: "end",
    width: "96px",
    cell: (d) => (d.cost === null ? <span className="t3">not known</span> : money(d.cost)),
  },
];
