"use client";
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/trpc/client";
import { count, significant } from "@/components/ui/format";
import type { Column } from "@/components/ui/table";
import { MAX_METRIC_COLUMNS } from "@/server/runs/list-contract";
import { byRun, numbersOf, type Pages } from "./by-page";
import type { RunRow } from "./types";

/** Names of metrics that may stand as columns: those chosen, then what the first rows logged. */
export function useMetricNames(team: string, pages: Pages, chosen: readonly string[]): readonly string[] {
  const trpc = useTRPC();
  const [first = []] = pages;
  const { data } = useQuery(
    trpc.runs.metricNames.queryOptions(
      { team, runs: numbersOf(first) },
      { enabled: first.length > 0, placeholderData: keepPreviousData },
    ),
  );
  return [...new Set([...chosen, ...(data ?? [])])];
}

/** Where the chosen metrics of each run stand, asked for page by page, after the rows themselves. */
export function useMetricColumns(team: string, pages: Pages, chosen: readonly string[]): Column<RunRow>[] {
  const trpc = useTRPC();
  const names = chosen.slice(0, MAX_METRIC_COLUMNS);
  const answers = useQueries({
    queries: pages.map((rows) =>
      trpc.runs.newest.queryOptions(
        { team, runs: numbersOf(rows), names: [...names] },
        { enabled: names.length > 0 && rows.length > 0, placeholderData: keepPreviousData },
      ),
    ),
  });
  const newest = byRun(answers);
  return names.map((name) => ({
    key: `metric ${name}`,
    head: name,
    width: "110px",
    align: "end",
    cell: ({ number }) => {
      const found = newest.get(number)?.metrics.find((metric) => metric.name === name);
      if (!found) return "";
      return (
        <span className="num" title={`${name} at step ${count(found.step)}`}>
          {found.value === null ? "not finite" : significant(found.value)}
        </span>
      );
    },
  }));
}
