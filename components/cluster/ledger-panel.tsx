"use client";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { readError, useTRPC } from "@/components/trpc/client";
import { EmptyState, ErrorState } from "@/components/ui/feedback";
import { clockTime, datetime, duration } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { Table } from "@/components/ui/table";
import type { Decision } from "./types";

export function LedgerPanel({ team }: { team: string }) {
  const trpc = useTRPC();
  const ledger = useInfiniteQuery(
    trpc.cluster.ledger.infiniteQueryOptions(
      { team, limit: 30 },
      { getNextPageParam: (page) => page.nextCursor, placeholderData: keepPreviousData },
    ),
  );
  const problem = ledger.error && readError(ledger.error);
  return (
    <Panel title="Ledger" subtitle="every scaling decision with its reason">
      {problem ? (
        <ErrorState
          what={problem.message}
          remedy={problem.remedy}
          requestId={problem.requestId}
          onRetry={() => void ledger.refetch()}
        />
      ) : (
        <Table
          label="Scaling decisions"
          rows={ledger.data?.pages.flatMap((page) => page.decisions) ?? []}
          rowKey={(d) => String(d.id)}
          loading={ledger.isPending}
          loadingMore={ledger.isFetchingNextPage}
          maxHeight={320}
          onEndReached={() => ledger.hasNextPage && !ledger.isFetchingNextPage && void ledger.fetchNextPage()}
          empty={
            <EmptyState title="Nothing was decided yet">
              When work asks for nodes, or nodes idle, the decision stands here with its reason.
            </EmptyState>
          }
          columns={[
            {
              key: "at",
              head: "Time",
              width: "90px",
              cell: (d) => (
                <span title={datetime(d.at.getTime(), "local")}>{clockTime(d.at.getTime(), "local")}</span>
              ),
            },
            {
              key: "decision",
              head: "Decision",
              width: "200px",
              cell: (d) => (
                <span className="m">
                  {d.direction === "up" ? `▲ +${d.requested}` : `▼ −${d.requested}`}{" "}
                  {d.nodes.length > 0 ? d.nodes.join(", ") : d.pool}
                </span>
              ),
            },
            { key: "reason", head: "Reason", cell: (d) => <span title={d.reason}>{d.reason}</span> },
            {
              key: "ready",
              head: "Ready in",
              align: "end",
              width: "120px",
              cell: (d) => <Ready decision={d} />,
            },
          ]}
        />
      )}
    </Panel>
  );
}

function Ready({ decision: d }: { decision: Decision }) {
  if (d.direction === "down") return null;
  if (d.achieved < d.requested)
    return <StatusDot state="running">{`${d.achieved} of ${d.requested}`}</StatusDot>;
  return d.achievedAt ? (
    <span className="num">{duration((d.achievedAt.getTime() - d.at.getTime()) / 1000)}</span>
  ) : null;
}
