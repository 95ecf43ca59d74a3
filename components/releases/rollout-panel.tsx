"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useNow } from "@/components/ui/clock";
import { type Step, Stepper } from "@/components/ui/diagrams";
import { Callout } from "@/components/ui/feedback";
import { clockTime, count, duration, ms, percent, plural } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { StatusBadge, StatusDot } from "@/components/ui/status";
import { type Column, Table } from "@/components/ui/table";
import type { Environment } from "@/server/releases/contract";
import { strategyInWords } from "@/server/releases/rollout-contract";
import { RolloutActions } from "./rollout-actions";
import { ShadowPanel } from "./shadow-panel";
import { PHASE, type RolloutPage } from "./words";

const PERIOD_MS = 5_000;

/** A release on its way to all of the traffic: its steps, both versions side by side, and the rules that end it. */
export function RolloutPanel({ team, ...lane }: { team: string; model: string; environment: Environment }) {
  const trpc = useTRPC();
  const {
    data: rollout,
    error,
    refetch,
  } = useQuery(trpc.releases.rollout.queryOptions({ team, ...lane }, { refetchInterval: PERIOD_MS }));
  if (error) {
    return (
      <Panel title="Rollout" className="mb-3">
        <QueryError error={error} remedy="What serves is not affected." onRetry={refetch} />
      </Panel>
    );
  }
  // Most models have none: nothing is drawn until there is something to say.
  if (!rollout || (rollout.phase === "done" && !rollout.fired)) return null;
  const { state, words } = PHASE[rollout.phase];
  const [candidate] = rollout.sides;
  const isOver = rollout.endedAt !== null;
  return (
    <>
      {rollout.fired && <Fired rollout={rollout} />}
      {!isOver && (
        <Panel
          title={`Rollout of v${candidate?.version}`}
          subtitle={strategyInWords(rollout.strategy)}
          tools={<StatusBadge state={state}>{rollout.isHeld ? "held" : words}</StatusBadge>}
          className="mb-3 rollout"
        >
          <div className="rollout-head">
            <Steps rollout={rollout} />
            <RolloutActions team={team} rollout={rollout} />
          </div>
          <Sides rollout={rollout} />
          {rollout.strategy.kind === "shadow" && <ShadowPanel rollout={rollout} />}
          {rollout.rules.length > 0 && <Rules rollout={rollout} />}
        </Panel>
      )}
    </>
  );
}

/** The one telling of a rule that fired: the rule first, then what it found and what came of it. */
function Fired({ rollout }: { rollout: RolloutPage }) {
  const { fired, sides, phase } = rollout;
  if (!fired) return null;
  const [candidate, other] = sides;
  const outcome =
    phase === "aborted"
      ? `was taken away from traffic${other ? `; v${other.version} serves` : ""}`
      : "goes on serving, for no earlier version was warm";
  return (
    <Callout state="bad" className="mb-3">
      <b>{fired.label}.</b> Found at {clockTime(Date.parse(fired.at))}: {fired.words}. v{candidate?.version}{" "}
      {outcome}.
    </Callout>
  );
}

/** How long a step still has, in words; null before the browser knows the time. */
function leftWords(rollout: RolloutPage, now: number | null): string {
  if (rollout.isHeld) return "held";
  const until = rollout.bakedAt.getTime();
  if (now === null) return `until ${clockTime(until)}`;
  if (now < until) return `${duration((until - now) / 1000)} left`;
  return rollout.dueAt ? "goes on now" : "long enough; waits for a press";
}

function Steps({ rollout }: { rollout: RolloutPage }) {
  const now = useNow();
  const { strategy, phase, step: current, since, bakedAt } = rollout;
  const left = leftWords(rollout, now);
  const share =
    now === null ? 0 : Math.min((now - since.getTime()) / (bakedAt.getTime() - since.getTime()), 1);
  const isShadow = strategy.kind === "shadow";
  const titles = isShadow ? [`${strategy.percent}% mirrored`, "100%"] : strategy.steps.map((s) => `${s}%`);
  const at = phase === "preparing" ? -1 : phase === "baking" ? titles.length - 1 : current;
  const next = isShadow || strategy.auto ? "by itself" : "by a press";
  const steps = titles.map((title, i): Step => {
    if (i < at) return { id: title, title, detail: "passed", state: "done" };
    if (i > at) return { id: title, title, detail: phase === "preparing" ? "not yet" : next, state: "next" };
    const detail = phase === "baking" ? `serves alone, watched; ${left}` : left;
    return { id: title, title, detail, state: "now", share };
  });
  return <Stepper label="Steps of the rollout" steps={steps} />;
}

type Side = RolloutPage["sides"][number];
const SIDE_COLUMNS: Column<Side>[] = [
  {
    key: "version",
    head: "Last minute",
    cell: (s) => (
      <span className="m">
        v{s.version} <span className="t2 mono">{s.digest.slice(0, 7)}</span>
      </span>
    ),
  },
  { key: "weight", head: "Weight", align: "end", cell: (s) => `${s.weight}%` },
  { key: "requests", head: "Requests", align: "end", cell: (s) => count(s.requests) },
  {
    key: "errors",
    head: "Errors",
    align: "end",
    cell: (s) =>
      s.requests === 0 ? <span className="t3">no requests</span> : percent(s.errors / s.requests, 2),
  },
  {
    key: "p99",
    head: "p99",
    align: "end",
    cell: (s) => (s.p99Us === null ? <span className="t3">not measured</span> : ms(s.p99Us / 1000)),
  },
];

const Sides = ({ rollout }: { rollout: RolloutPage }) => (
  <Table
    label="Versions side by side"
    rows={rollout.sides}
    rowKey={(s) => String(s.version)}
    columns={SIDE_COLUMNS}
  />
);

type Rule = RolloutPage["rules"][number];
const RULE_COLUMNS: Column<Rule>[] = [
  { key: "rule", head: "Ends it by itself", cell: (r) => r.label },
  { key: "now", head: "Now", cell: (r) => <span className="t2">{r.words}</span> },
  {
    key: "state",
    head: "State",
    align: "end",
    cell: (r) =>
      r.fires ? (
        <StatusDot state="bad">fires</StatusDot>
      ) : r.beyond > 0 ? (
        <StatusDot state="warning">beyond in {plural(r.beyond, "window")}</StatusDot>
      ) : r.value === null ? (
        <StatusDot state="not-measured">too little counted</StatusDot>
      ) : (
        <StatusDot state="ok">within</StatusDot>
      ),
  },
];

const Rules = ({ rollout }: { rollout: RolloutPage }) => (
  <Table label="Rules of the rollout" rows={rollout.rules} rowKey={(r) => r.rule} columns={RULE_COLUMNS} />
);
