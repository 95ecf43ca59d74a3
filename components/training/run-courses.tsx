"use client";
import { useQueries } from "@tanstack/react-query";
import { Sparkline } from "@/components/charts/sparkline";
import { useTRPC } from "@/components/trpc/client";
import { money, significant } from "@/components/ui/format";
import type { Column } from "@/components/ui/table";
import { byRun, numbersOf, type Pages } from "./by-page";
import type { RunRow } from "./types";

/** What each run cost until now, asked for like its course. */
export function useCosts(team: string, pages: Pages, isShown: boolean): Column<RunRow> & { head: string } {
  const trpc = useTRPC();
  const answers = useQueries({
    queries: pages.map((rows) =>
      trpc.runs.costs.queryOptions({ team, runs: numbersOf(rows) }, { enabled: isShown && rows.length > 0 }),
    ),
  });
  const costs = byRun(answers);
  return {
    key: "cost",
    head: "Cost",
    width: "90px",
    align: "end",
    cell: ({ number }) => {
      const cost = costs.get(number)?.cost;
      if (!cost) return "";
      return (
        <span className="num">
          {cost.isWhole ? "" : "over "}
          {money(cost.amount)}
        </span>
      );
    },
  };
}

/** How the main metric of each run went, asked for page by page, after the rows themselves. */
export function useCourses(team: string, pages: Pages, isShown: boolean): Column<RunRow> & { head: string } {
  const trpc = useTRPC();
  const answers = useQueries({
    queries: pages.map((rows) =>
      trpc.runs.courses.queryOptions(
        { team, runs: numbersOf(rows) },
        { enabled: isShown && rows.length > 0 },
      ),
    ),
  });
  const courses = byRun(answers);
  return {
    key: "course",
    head: "Course",
    width: "104px",
    cell: ({ number }) => {
      const course = courses.get(number);
      if (!course) return "";
      const last = course.values.findLast((value) => value !== null);
      return (
        <span title={course.metric}>
          <Sparkline
            label={`${course.metric}${last == null ? "" : `, ${significant(last)} at the end`}`}
            values={course.values}
          />
        </span>
      );
    },
  };
}
