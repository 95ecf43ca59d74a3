"use client";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { downloadCsv } from "@/components/charts/export";
import { readError, useTRPC, useTRPCClient } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { count, decimal, money, percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { type Column, type Sort, Table } from "@/components/ui/table";
import { useToast } from "@/components/ui/toast";
import { useUrlState } from "@/components/ui/use-url-state";
import { SpendBy, SpendSort } from "@/server/cost/contract";
import type { Cost, Spent } from "./types";
import { KINDS, NAMELESS } from "./words";

const BY = [
  { value: "work", label: "Run" },
  { value: "person", label: "Person" },
  { value: "version", label: "Version" },
  { value: "pool", label: "Pool" },
  { value: "kind", label: "Kind" },
] as const;
const MOST_IN_A_FILE = 10_000;

/** What the month was spent on, by whatever one asks. */
export function SpendPanel({ team, cost, month }: { team: string; cost: Cost; month: string | null }) {
  const trpc = useTRPC();
  const [asked, setBy] = useUrlState("by");
  const [order, setOrder] = useUrlState("sort");
  const by = SpendBy.safeParse(asked).data ?? "work";
  const sort = sortOf(order);
  const query = { team, month, by, sort: sort.key, order: sort.direction } as const;
  const spending = useInfiniteQuery(
    trpc.cost.spending.infiniteQueryOptions(
      { ...query, limit: 50 },
      {
        getNextPageParam: (page) => page.nextCursor,
        placeholderData: keepPreviousData,
        refetchInterval: 60_000,
      },
    ),
  );
  return (
    <Panel
      title="Spent on"
      subtitle="runs, studio sessions and serving, by their share of nodes"
      tools={
        <>
          <Segmented
            label="By"
            options={BY}
            value={by}
            onValueChange={(next) => setBy(next === "work" ? "" : next)}
          />
          <FileButton query={query} name={`spend-${cost.month}-by-${by}`} />
        </>
      }
    >
      {spending.error ? (
        <QueryError error={spending.error} onRetry={spending.refetch} />
      ) : (
        <Table
          label="Spent on"
          rows={spending.data?.pages.flatMap(({ rows }) => rows) ?? []}
          rowKey={({ key }) => key}
          sort={sort}
          onSort={({ key, direction }) => setOrder(`${key}.${direction}`)}
          loading={spending.isPending}
          loadingMore={spending.isFetchingNextPage}
          maxHeight={420}
          onEndReached={() =>
            spending.hasNextPage && !spending.isFetchingNextPage && void spending.fetchNextPage()
          }
          empty={
            <EmptyState title="Nothing was spent">
              What this team runs and serves stands here, with its share of the nodes that it was on.
            </EmptyState>
          }
          columns={columnsOf(team, by, cost.spent)}
        />
      )}
    </Panel>
  );
}

function sortOf(text: string): Sort & { key: SpendSort } {
  const [key, direction] = text.split(".");
  return { key: SpendSort.safeParse(key).data ?? "cost", direction: direction === "asc" ? "asc" : "desc" };
}

const nameOf = ({ label, kind }: Pick<Spent, "label" | "kind">, by: SpendBy): string =>
  by === "kind" ? (KINDS[kind] ?? label) : label || NAMELESS[by];

const columnsOf = (team: string, by: SpendBy, spent: number): Column<Spent>[] => [
  {
    key: "name",
    head: BY.find(({ value }) => value === by)?.label,
    sortable: true,
    cell: (row) => (
      <>
        {row.path ? (
          <Link className="link m" href={`/${team}/${row.path}`}>
            {nameOf(row, by)}
          </Link>
        ) : (
          <span className="m">{nameOf(row, by)}</span>
        )}{" "}
        <span className="t2">{row.hint}</span>
      </>
    ),
  },
  ...(by === "work"
    ? [{ key: "kind", head: "Kind", width: "200px", cell: (row: Spent) => KINDS[row.kind] ?? row.kind }]
    : [
        {
          key: "works",
          head: "Works",
          align: "end" as const,
          width: "90px",
          cell: (row: Spent) => count(row.works),
        },
      ]),
  {
    key: "time",
    head: "Node hours",
    align: "end",
    width: "120px",
    sortable: true,
    cell: (row) => decimal(row.hours, 2),
  },
  {
    key: "cost",
    head: "Cost",
    align: "end",
    width: "140px",
    sortable: true,
    cell: (row) => (
      <span
        title={
          row.unpricedHours > 0 ? `${decimal(row.unpricedHours, 2)} node hours have no price` : undefined
        }
      >
        {row.unpricedHours > 0 && "over "}
        {money(row.amount)}
      </span>
    ),
  },
  {
    key: "share",
    head: "Of all",
    align: "end",
    width: "90px",
    cell: (row) => (spent > 0 ? percent(row.amount / spent) : ""),
  },
];

interface Query {
  team: string;
  month: string | null;
  by: SpendBy;
  sort: SpendSort;
  order: "asc" | "desc";
}

/** All of it, not only what was scrolled to. */
function FileButton({ query, name }: { query: Query; name: string }) {
  const client = useTRPCClient();
  const toast = useToast();
  const [isBusy, setBusy] = useState(false);
  const give = async () => {
    setBusy(true);
    try {
      const { rows } = await client.cost.spending.query({ ...query, limit: MOST_IN_A_FILE });
      downloadCsv(
        {
          heads: [query.by, "title", "kind", "works", "node hours", "cost, $", "node hours without a price"],
          rows: rows.map((row) => [
            nameOf(row, query.by),
            ...[row.hint, row.kind, row.works, row.hours, row.amount, row.unpricedHours],
          ]),
        },
        name,
      );
    } catch (error) {
      toast({ state: "bad", title: "The file was not made.", detail: readError(error).message });
    }
    setBusy(false);
  };
  return (
    <Button size="sm" busy={isBusy ? "Reading…" : undefined} onClick={() => void give()}>
      CSV
    </Button>
  );
}
