"use client";
import Link from "next/link";
import { useState } from "react";
import { Age } from "@/components/ui/age";
import { Button } from "@/components/ui/button";
import { count, duration, plural, significant } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { type Column, type Sort, Table } from "@/components/ui/table";
import { Switch } from "@/components/ui/toggle";
import { metricsOf, newestValue, type PropertyGroup, type PropertyRow, propertyGroups } from "./comparison";
import { shapeOf } from "./run-words";
import type { ComparedRun } from "./types";

interface Props {
  team: string;
  runs: readonly ComparedRun[];
}

/** What the runs were asked to do and what they logged of it: what differs first, the rest folded. */
export function PropertiesTable({ team, runs }: Props) {
  const [withEqual, setWithEqual] = useState(false);
  const groups = propertyGroups(runs);
  const differing = groups.reduce((sum, group) => sum + group.differing.length, 0);
  return (
    <Panel
      title="Configuration"
      subtitle={runs.length > 1 ? plural(differing, "difference") : undefined}
      tools={<Switch label="Equal rows" checked={withEqual} onCheckedChange={setWithEqual} />}
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className="table-frame compare" aria-label="Configuration side by side" tabIndex={0}>
        <table className="tight">
          <thead>
            <tr>
              <th scope="col">
                <span className="sr-only">Property</span>
              </th>
              {runs.map((run) => (
                <th key={run.number} scope="col" className="num" title={run.title}>
                  <Link href={`/${team}/training/${run.number}`}>run {run.number}</Link>
                </th>
              ))}
            </tr>
          </thead>
          {groups.map((group) => (
            <Group key={group.title} group={group} runs={runs} withEqual={withEqual} />
          ))}
        </table>
      </section>
    </Panel>
  );
}

interface GroupProps {
  group: PropertyGroup;
  runs: readonly ComparedRun[];
  withEqual: boolean;
}

function Group({ group, runs, withEqual }: GroupProps) {
  return (
    <tbody>
      <tr className="compare-group">
        <th scope="rowgroup" colSpan={runs.length + 1}>
          {group.title} {!withEqual && <span className="t3 s12">{count(group.equal.length)} equal</span>}
        </th>
      </tr>
      {[...group.differing, ...(withEqual ? group.equal : [])].map((row) => (
        <Row key={row.name} row={row} runs={runs} />
      ))}
    </tbody>
  );
}

function Row({ row, runs }: { row: PropertyRow; runs: readonly ComparedRun[] }) {
  return (
    <tr>
      <th scope="row" title={row.name}>
        {row.name}
      </th>
      {row.values.map((value, index) => (
        <td key={runs[index]?.number} className="num" title={value ?? undefined}>
          {value ?? (
            <span className="t3">
              –<span className="sr-only"> not set</span>
            </span>
          )}
        </td>
      ))}
    </tr>
  );
}

/** So many metrics have a column at first. */
const AT_FIRST = 6;
const WORDS = { number: "Run", state: "State", seconds: "Took" } as const;

/** The newest value of each metric, a row a run; a press on a head sorts. */
export function NewestTable({ team, runs }: Props) {
  const [sort, setSort] = useState<Sort>({ key: "number", direction: "asc" });
  const [all, setAll] = useState(false);
  const metrics = metricsOf(runs);
  const shown = all ? metrics : metrics.slice(0, AT_FIRST);
  const columns: Column<ComparedRun>[] = [
    {
      key: "number",
      head: WORDS.number,
      width: "80px",
      sortable: true,
      cell: (run) => <span className="m num">{run.number}</span>,
    },
    { key: "title", head: "What", width: "240px", sortable: true, cell: (run) => run.title },
    {
      key: "state",
      head: WORDS.state,
      width: "130px",
      sortable: true,
      cell: (run) => <StatusDot state={shapeOf(run.state)}>{run.state}</StatusDot>,
    },
    ...shown.map(
      ({ name }): Column<ComparedRun> => ({
        key: `metric ${name}`,
        head: <span title={name}>{name}</span>,
        width: "150px",
        align: "end",
        sortable: true,
        cell: (run) => {
          const step = run.newest.find((metric) => metric.name === name)?.step;
          const value = newestValue(run, name);
          return (
            <span title={step === undefined ? "not logged" : `at step ${count(step)}`}>
              {value === null ? <span className="t3">–</span> : significant(value)}
            </span>
          );
        },
      }),
    ),
    {
      key: "seconds",
      head: WORDS.seconds,
      width: "90px",
      align: "end",
      sortable: true,
      cell: (run) => (run.seconds === null ? "" : duration(run.seconds)),
    },
    {
      key: "created",
      head: "Made",
      width: "110px",
      align: "end",
      sortable: true,
      cell: (run) => <Age at={run.createdAt.getTime()} form="ago" />,
    },
  ];
  return (
    <Panel
      title="Newest metrics"
      subtitle="of rank 0; press a head to sort"
      tools={
        shown.length < metrics.length && (
          <Button size="sm" onClick={() => setAll(true)}>
            Show all {count(metrics.length)} metrics
          </Button>
        )
      }
    >
      <Table
        label="Newest metrics"
        tight
        maxHeight={420}
        rows={sorted(runs, sort)}
        rowKey={(run) => run.id}
        rowHref={(run) => `/${team}/training/${run.number}`}
        sort={sort}
        onSort={setSort}
        columns={columns}
      />
    </Panel>
  );
}

/** What a column is sorted by; a run without it comes last either way. */
function keyOf(run: ComparedRun, key: string): number | string | null {
  switch (key) {
    case "number":
      return run.number;
    case "title":
      return run.title;
    case "state":
      return run.state;
    case "seconds":
      return run.seconds;
    case "created":
      return run.createdAt.getTime();
    default:
      return newestValue(run, key.replace(/^metric /, ""));
  }
}

function sorted(runs: readonly ComparedRun[], { key, direction }: Sort): ComparedRun[] {
  const sign = direction === "asc" ? 1 : -1;
  return [...runs].sort((a, b) => {
    const [x, y] = [keyOf(a, key), keyOf(b, key)];
    if (x === y) return a.number - b.number;
    if (x === null) return 1;
    if (y === null) return -1;
    return x < y ? -sign : sign;
  });
}
