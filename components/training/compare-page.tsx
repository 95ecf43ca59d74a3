"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Mark } from "@/components/charts/legend";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { Button, LinkButton } from "@/components/ui/button";
import { EmptyState, Skeleton } from "@/components/ui/feedback";
import { plural } from "@/components/ui/format";
import { readNumbers } from "@/components/ui/numbers";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { SearchSelect } from "@/components/ui/search-select";
import { StatusDot } from "@/components/ui/status";
import { useUrlState } from "@/components/ui/use-url-state";
import { MAX_COMPARED_RUNS } from "@/server/runs/list-contract";
import { CompareCharts } from "./compare-charts";
import { NewestTable, PropertiesTable } from "./compare-tables";
import { lookOf } from "./comparison";
import { ParallelPlot } from "./parallel-plot";
import { shapeOf } from "./run-words";
import type { ComparedRun } from "./types";

/** From so many runs on lines alone do not show which setting did it. */
const PARALLEL_FROM = 3;

/** Runs side by side: which are chosen and what they are drawn over is in the address. */
export function ComparePage({ team }: { team: string }) {
  const trpc = useTRPC();
  const [chosen, choose] = useUrlState("runs");
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());
  const all = readNumbers(chosen);
  const numbers = all.slice(0, MAX_COMPARED_RUNS);
  const query = useQuery(
    trpc.runs.compare.queryOptions(
      { team, runs: numbers },
      { enabled: numbers.length > 0, placeholderData: keepPreviousData },
    ),
  );
  const home = `/${team}/training`;
  const set = (next: readonly number[]) => choose(next.join(","));
  const header = (
    <PageHeader
      title="Compare runs"
      meta={
        all.length > numbers.length
          ? `the first ${numbers.length} of ${all.length} chosen runs`
          : plural(numbers.length, "run")
      }
      crumbs={[{ label: "Training", href: home }, { label: "Compare" }]}
      actions={<LinkButton href={home}>Choose runs</LinkButton>}
    />
  );
  const add = <AddRun team={team} numbers={numbers} onAdd={(number) => set([...numbers, number])} />;
  if (numbers.length === 0)
    return (
      <>
        {header}
        <Panel title="Runs" tools={add}>
          <EmptyState
            title="No runs chosen"
            actions={
              <LinkButton variant="primary" href={home}>
                Choose runs
              </LinkButton>
            }
          >
            Tick up to {MAX_COMPARED_RUNS} runs in the list to see their charts on one axis and their settings
            side by side, differences first.
          </EmptyState>
        </Panel>
      </>
    );
  if (query.isPending) return <Skeleton />;
  if (query.isError) {
    return (
      <>
        {header}
        <QueryError error={query.error} onRetry={query.refetch} />
      </>
    );
  }
  const runs = query.data.filter((run) => numbers.includes(run.number));
  const toggle = (number: number) =>
    setHidden((before) => {
      const next = new Set(before);
      if (!next.delete(number)) next.add(number);
      return next;
    });
  return (
    <>
      {header}
      <div className="g">
        <Panel title="Runs" subtitle="press one to hide its lines" tools={add} padded>
          <ul className="run-chips" aria-label="Runs compared">
            {runs.map((run, index) => (
              <Chip
                key={run.number}
                run={run}
                index={index}
                isHidden={hidden.has(run.number)}
                onToggle={() => toggle(run.number)}
                onRemove={() => set(numbers.filter((other) => other !== run.number))}
              />
            ))}
          </ul>
        </Panel>
        <CompareCharts team={team} runs={runs} hidden={hidden} />
        {runs.length >= PARALLEL_FROM && <ParallelPlot runs={runs} hidden={hidden} />}
        <PropertiesTable team={team} runs={runs} />
        <NewestTable team={team} runs={runs} />
      </div>
    </>
  );
}

interface ChipProps {
  run: ComparedRun;
  index: number;
  isHidden: boolean;
  onToggle: () => void;
  onRemove: () => void;
}

/** A run in the look of its lines: the legend of every chart on the page. */
function Chip({ run, index, isHidden, onToggle, onRemove }: ChipProps) {
  const { color, stroke } = lookOf(index);
  return (
    <li>
      <button type="button" aria-pressed={!isHidden} title={run.title} onClick={onToggle}>
        <svg viewBox="0 0 18 8" aria-hidden="true">
          <Mark mark={stroke} color={color} />
        </svg>
        <span className="m num">{run.number}</span>
        <span className="clip t2">{run.title}</span>
      </button>
      <StatusDot state={shapeOf(run.state)}>
        <span className="sr-only">{run.state}</span>
      </StatusDot>
      <Button size="sm" variant="ghost" aria-label={`Leave run ${run.number} out`} onClick={onRemove}>
        ✕
      </Button>
    </li>
  );
}

interface AddProps {
  team: string;
  numbers: readonly number[];
  onAdd: (number: number) => void;
}

/** One more run, found by its number or words of its title. */
function AddRun({ team, numbers, onAdd }: AddProps) {
  const trpc = useTRPC();
  const [words, setWords] = useState("");
  const found = useQuery(
    trpc.runs.list.queryOptions(
      { team, limit: 20, kinds: ["train", "script"], ...(words.trim() && { query: words.trim() }) },
      { placeholderData: keepPreviousData },
    ),
  );
  const isFull = numbers.length >= MAX_COMPARED_RUNS;
  if (isFull)
    return <span className="t3 s12">{MAX_COMPARED_RUNS} runs are the most; leave one out first.</span>;
  return (
    <div className="compare-add">
      <SearchSelect
        options={(found.data?.runs ?? [])
          .filter((run) => !numbers.includes(run.number))
          .map((run) => ({
            value: String(run.number),
            label: `${run.number}  ${run.title}`,
            hint: run.state,
          }))}
        value={null}
        onValueChange={(option) => option && onAdd(Number(option.value))}
        onSearch={setWords}
        placeholder="Add a run: number or title"
        empty="No other training run matches."
      />
    </div>
  );
}
