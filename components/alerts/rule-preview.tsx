"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDeferredValue } from "react";
import { LiveChart } from "@/components/charts/live-chart";
import type { LiveSeries } from "@/components/charts/live-data";
import { type Outputs, useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { Callout, Skeleton } from "@/components/ui/feedback";
import { Field } from "@/components/ui/field";
import { clockTime, duration, plural, significant } from "@/components/ui/format";
import { Select } from "@/components/ui/select";
import { SERIES, valueSays } from "@/server/alerts/rule-contract";
import { type Draft, errorsOf, looksOf } from "./rule-draft";

type Played = Outputs["alerts"]["preview"];
type Line = Played["lines"][number];

/** A choice of nothing would be shown as none made. */
const ALL = "*";
const SHOWN_TIMES = 6;

interface RulePreviewProps {
  team: string;
  draft: Draft;
  onSubject: (subject: string) => void;
}

/** What a rule would have done over the last day: its series, its threshold, and when it would have fired. */
export function RulePreview({ team, draft, onSubject }: RulePreviewProps) {
  const trpc = useTRPC();
  const asked = useDeferredValue(draft);
  const isWhole = Object.keys(errorsOf(asked)).length === 0;
  const played = useQuery(
    trpc.alerts.preview.queryOptions(
      { team, ...looksOf(asked) },
      { enabled: isWhole, placeholderData: keepPreviousData, retry: false },
    ),
  );
  if (!isWhole && !played.data)
    return <p className="t3">Once its figures are there, the rule is played over the last day here.</p>;
  if (played.isError)
    return (
      <QueryError
        error={played.error}
        remedy="The rule can be saved without having been tried."
        onRetry={played.refetch}
      />
    );
  if (!played.data) return <Skeleton height={260} />;
  const { subjects } = played.data;
  const options = [{ value: ALL, label: `all ${plural(subjects.length, SERIES[draft.series].of)}` }].concat(
    subjects.map(({ id, name }) => ({ value: id, label: name })),
  );
  if (draft.subject && !subjects.some(({ id }) => id === draft.subject))
    options.push({ value: draft.subject, label: `${draft.subject}, not there now` });
  return (
    <>
      <Field label="Of">
        <Select
          options={options}
          value={draft.subject || ALL}
          onValueChange={(subject) => onSubject(subject === ALL ? "" : subject)}
        />
      </Field>
      <Chart draft={asked} played={played.data} />
      <Verdict played={played.data} />
    </>
  );
}

/** The stretches in which it would have fired, on the line itself. */
function firedOf(line: Line, to: number): LiveSeries {
  const isFired = (at: number) => line.fired.some((span) => at >= span.from && at <= (span.to ?? to));
  return {
    ...{
      key: `fired ${line.id}`,
      label: `${line.name} would have fired`,
      color: "var(--bad)",
      hasBand: false,
    },
    x: line.points.map(({ at }) => at),
    y: line.points.map(({ at, value }) => (isFired(at) ? value : null)),
  };
}

function Chart({ draft, played }: { draft: Draft; played: Played }) {
  const { series } = draft;
  const { condition } = looksOf(draft);
  const say = (value: number) => valueSays(series, value);
  const lines = played.lines.map(
    (line, i): LiveSeries => ({
      ...{ key: line.id, label: line.name, color: `var(--series-${(i % 8) + 1})`, hasBand: false },
      x: line.points.map(({ at }) => at),
      y: line.points.map(({ value }) => value),
    }),
  );
  const fired = played.lines.filter((line) => line.fired.length > 0).map((line) => firedOf(line, played.to));
  const levels =
    condition.kind === "threshold"
      ? [
          { value: condition.value, label: `fires ${condition.side} ${say(condition.value)}` },
          ...(condition.clear === null
            ? []
            : [{ value: condition.clear, label: `clears at ${say(condition.clear)}` }]),
        ]
      : [];
  const { name, unit } = SERIES[series];
  return (
    <LiveChart
      title={name}
      subtitle={
        played.count > played.lines.length ? `${played.lines.length} of ${played.count} are drawn` : undefined
      }
      series={[...lines, ...fired]}
      levels={levels.filter(({ value }) => Number.isFinite(value))}
      yLabel={unit ? `${name}, ${unit}` : name}
      xLabel="Time, UTC"
      formatX={(at) => clockTime(at).slice(0, 5)}
      isTime
      formatTick={(at) => clockTime(at).slice(0, 5)}
      formatY={significant}
      includeY={[0, ...levels.map(({ value }) => value).filter(Number.isFinite)]}
      xDomain={[played.from, played.to]}
      empty="Nothing was known of it in the last day."
      height={200}
    />
  );
}

function Verdict({ played }: { played: Played }) {
  if (!played.isKept)
    return (
      <Callout state="warning">The past of this series is not kept: only what it is now was played.</Callout>
    );
  if (played.count === 0) return <p className="t2">There is none of it now; those that come are watched.</p>;
  if (played.fired === 0) return <p className="t2">It would not have fired in the last 24 hours.</p>;
  const spans = played.lines.flatMap((line) => line.fired.map((span) => ({ ...span, name: line.name })));
  const newest = spans.toSorted((a, b) => b.from - a.from);
  return (
    <div>
      <p>
        It would have fired <b>{plural(played.fired, "time")}</b> in the last 24 hours.
      </p>
      <ul className="t2 s12">
        {newest.slice(0, SHOWN_TIMES).map(({ name, from, to }) => (
          <li key={`${name} ${from}`} className="num">
            {clockTime(from).slice(0, 5)} UTC, {name},{" "}
            {to === null ? "still" : `for ${duration((to - from) / 1000)}`}
          </li>
        ))}
        {newest.length > SHOWN_TIMES && <li>and {newest.length - SHOWN_TIMES} more before that</li>}
      </ul>
    </div>
  );
}
