"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type Outputs, useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useNow } from "@/components/ui/clock";
import { Digest } from "@/components/ui/digest";
import { EmptyState, Skeleton } from "@/components/ui/feedback";
import { clockTime, count, datetime, percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Slider } from "@/components/ui/slider";
import { type Column, Table } from "@/components/ui/table";
import { useUrlState } from "@/components/ui/use-url-state";

import type { Environment } from "@/server/releases/contract";

type Arm = Outputs["releases"]["servedAt"]["arms"][number];

const MINUTE_MS = 60_000;
const BACK_MINUTES = 24 * 60;

const COLUMNS: Column<Arm>[] = [
  { key: "version", head: "Version", cell: (a) => <span className="m">v{a.version}</span> },
  { key: "digest", head: "Digest", cell: (a) => <Digest value={a.digest} /> },
  { key: "weight", head: "Weight", align: "end", cell: (a) => (a.isShadow ? "shadow" : `${a.weight}%`) },
  { key: "requests", head: "Requests that minute", align: "end", cell: (a) => count(a.requests) },
  {
    key: "errors",
    head: "Errors",
    align: "end",
    cell: (a) =>
      a.requests === 0 ? <span className="t3">no requests</span> : percent(a.errors / a.requests, 2),
  },
  {
    key: "approved",
    head: "Approved by",
    cell: (a) => a.approvedBy.join(", ") || <span className="t3">nobody</span>,
  },
  {
    key: "revision",
    head: "Revision",
    align: "end",
    cell: (a) => a.revision ?? <span className="t3">gone</span>,
  },
];

interface Props {
  team: string;
  model: string;
  environment: Environment;
}

/** Who answered at a moment of the last day, or of any that the address names; kept in the address. */
export function ServedAtPanel({ team, model, environment }: Props) {
  const trpc = useTRPC();
  const now = useNow();
  const [asked, setAsked] = useUrlState("at");
  const named = Date.parse(asked);
  const last = now === null ? null : now - (now % MINUTE_MS);
  // Unasked it is now: the end of this minute, so that its counts and the last route are both in it.
  const at = Number.isNaN(named) ? last && last + MINUTE_MS - 1 : named;
  const shown = at === null || now === null ? null : Math.min(at, now);
  const { data, error, refetch } = useQuery(
    trpc.releases.servedAt.queryOptions(
      { team, model, environment, at: new Date(at ?? 0) },
      { enabled: at !== null, placeholderData: keepPreviousData },
    ),
  );
  const file = (format: string) =>
    `/api/releases/${team}/${model}/served?environment=${environment}&at=${new Date(shown ?? 0).toISOString()}&format=${format}`;
  return (
    <Panel
      title="Who served"
      subtitle={shown === null ? undefined : `at ${datetime(shown)}`}
      tools={
        shown !== null && (
          <span className="row">
            <a className="btn sm" href={file("json")} download>
              JSON
            </a>
            <a className="btn sm" href={file("csv")} download>
              CSV
            </a>
          </span>
        )
      }
    >
      <div className="body">
        {at === null || last === null || shown === null ? (
          <Skeleton height={32} />
        ) : (
          <Slider
            label="Moment"
            aside={<span className="m">{clockTime(shown)} UTC</span>}
            value={Math.min(Math.max((at - last) / MINUTE_MS, -BACK_MINUTES), 0)}
            min={-BACK_MINUTES}
            max={0}
            step={1}
            marks={[
              { value: -BACK_MINUTES, label: "24 h ago" },
              { value: -BACK_MINUTES / 2, label: "12 h ago" },
              { value: 0, label: "now" },
            ]}
            format={(minutes) => `${clockTime(last + minutes * MINUTE_MS)} UTC`}
            onValueChange={(minutes) =>
              setAsked(minutes >= 0 ? "" : new Date(last + Math.round(minutes) * MINUTE_MS).toISOString())
            }
          />
        )}
      </div>
      {error ? (
        <QueryError error={error} remedy="The routes themselves are kept." onRetry={refetch} />
      ) : (
        <Table
          label="Who served"
          rows={data?.arms ?? []}
          rowKey={(a) => `${a.version}/${a.isShadow}`}
          columns={COLUMNS}
          loading={!data}
          empty={
            <EmptyState title="Nobody served then">
              No version was in {environment} at that moment.
            </EmptyState>
          }
        />
      )}
    </Panel>
  );
}
