"use client";
/** Targets instead of dials: what may be lost, weighed or taken at most, and the path a search took to meet it. */
import { memo, useState } from "react";
import { Button } from "@/components/ui/button";
import { Callout } from "@/components/ui/feedback";
import { Field, Input } from "@/components/ui/field";
import { figureOf } from "@/components/ui/figure";
import { bytes, count, ms } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { StatusDot } from "@/components/ui/status";
import type { DatasetTask } from "@/server/datasets/contract";
import { inWords, type Settings, type Unit } from "@/server/studio/contract";
import type { StudioTried, Target } from "@/server/studio/session-contract";
import { workSays } from "./measuring";
import { isOver, type Search } from "./search";
import { type Goal, goalsOf, readTarget } from "./targets";

interface Props {
  task: DatasetTask;
  units: readonly Unit[];
  search: Search | null;
  onFind: (target: Target) => void;
  onCancel: () => void;
  onRestore: (settings: Settings) => void;
  /** Why nothing can be searched for. */
  reason: string | undefined;
}

export const TargetPanel = memo(function TargetPanel({
  task,
  units,
  search,
  onFind,
  onCancel,
  onRestore,
  reason,
}: Props) {
  const goals = goalsOf(task);
  const [goal, setGoal] = useState<Goal>("loss");
  const [figures, setFigures] = useState<Partial<Record<Goal, string>>>({});
  const { label, unit, hint, example } = goals[goal];
  const text = figures[goal] ?? example;
  const { target, error } = readTarget(goal, text, task);
  const isRunning = search !== null && !isOver(search);
  const find = () => target && onFind(target);
  return (
    <Panel title="Target" padded className="target">
      <div className="target-goal">
        <Segmented
          label="What is limited"
          wide
          value={goal}
          onValueChange={setGoal}
          options={(Object.keys(goals) as Goal[]).map((value) => ({ value, label: goals[value].name }))}
        />
        <Field label={label} error={error} hint={hint}>
          <div className="target-find">
            <Input
              value={text}
              onValueChange={(value) => setFigures({ ...figures, [goal]: value })}
              onKeyDown={(event) => event.key === "Enter" && !reason && find()}
              inputMode="decimal"
              unit={unit}
              aria-label={label}
            />
            {isRunning ? (
              <Button onClick={onCancel}>Cancel</Button>
            ) : (
              <Button variant="primary" reason={reason ?? error} reasonAt="hidden" onClick={find}>
                Find
              </Button>
            )}
          </div>
        </Field>
      </div>
      {search ? (
        <Path task={task} units={units} search={search} onRestore={onRestore} />
      ) : (
        <p className="t2">
          Each step of a search is shown here, with the interval that decided it. A press on one turns the
          dials to it.
        </p>
      )}
    </Panel>
  );
});

function Path({
  task,
  units,
  search,
  onRestore,
}: Pick<Props, "task" | "units" | "onRestore"> & { search: Search }) {
  const { tried, work, state, message } = search;
  return (
    <div className="target-path" aria-live="polite">
      <ol aria-label="Settings that were tried">
        {tried.map((step) => (
          <li key={step.elapsedMs}>
            <button type="button" className="link" onClick={() => onRestore(step.settings)}>
              {inWords(step.settings, units)}
            </button>
            <StatusDot state={step.holds ? "ok" : "bad"}>{step.holds ? "holds" : "fails"}</StatusDot>
            <span className="t2 target-figures">{figuresOf(step, task)}</span>
          </li>
        ))}
      </ol>
      <p className="t2">{saysOf(search)}</p>
      {work && <p className="t2">{workSays(work)}</p>}
      {state === "failed" && <Callout state="bad">{message}</Callout>}
    </div>
  );
}

function saysOf({ state, tried }: Search): string {
  const steps = `${count(tried.length)} ${tried.length === 1 ? "step" : "steps"}`;
  switch (state) {
    case "searching":
      return `searching, ${steps} so far`;
    case "measuring":
      return `found in ${steps}; measuring it in full`;
    case "done":
      return `found in ${steps}, measured on the whole test set`;
    case "ended":
      return `ended after ${steps}; the dials stay where they are`;
    case "failed":
      return `not met after ${steps}`;
  }
}

/** "−0.31 pt (−0.92 to +0.30), n = 1,000 · 52.5 kB zstd · 0.18 ms". */
function figuresOf({ n, difference, low, high, sizes, latencyMs }: StudioTried, task: DatasetTask): string {
  const written = figureOf(task).difference;
  const accuracy =
    difference === null || low === null || high === null
      ? null
      : `${written(difference)} (${written(low)} to ${written(high)}), n = ${count(n)}`;
  return [
    accuracy,
    `${bytes(sizes.file)}, ${bytes(sizes.zstd19)} zstd`,
    latencyMs === null ? null : ms(latencyMs),
  ]
    .filter(Boolean)
    .join(" · ");
}
