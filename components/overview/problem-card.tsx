"use client";
import { useId } from "react";
import { ChartFrame } from "@/components/charts/chart-frame";
import { useCursor } from "@/components/charts/cursor";
import { CursorMark, LevelMark, LineMark } from "@/components/charts/marks";
import { Plot } from "@/components/charts/plot";
import { domainOf, timeTicks } from "@/components/charts/prepare";
import { LinkButton } from "@/components/ui/button";
import { useNow } from "@/components/ui/clock";
import { cx } from "@/components/ui/cx";
import { clockTime, duration, ms } from "@/components/ui/format";
import { StatusDot } from "@/components/ui/status";
import type { Problem, Served } from "./types";

type ProblemCardProps = {
  team: string;
  problem: Problem;
  /** What it is about, where that serves production. */
  served: Served | undefined;
  /** The end of the hour that `served` tells of. */
  at: Date;
};

/** The problem that matters most: the largest thing on the page, its evidence beside it, the way to its cause. */
export function ProblemCard({ team, problem, served, at }: ProblemCardProps) {
  const now = useNow();
  const isBad = problem.severity === "bad";
  const { since } = problem;
  return (
    <section
      className={cx("problem", isBad ? "bad" : "warn", served && "has-chart")}
      role={isBad ? "alert" : "status"}
    >
      <div className="problem-text">
        <div className="row">
          <StatusDot state={isBad ? "bad" : "warning"}>{problem.place}</StatusDot>
          {since && (
            <span className="t3 num">
              {now !== null && `for ${duration(Math.max(0, now - since.getTime()) / 1000)}, `}since{" "}
              {clockTime(since.getTime())} UTC
            </span>
          )}
        </div>
        <h2>{problem.title}</h2>
        <p>{problem.detail}</p>
        <div className="acts">
          <LinkButton variant={isBad ? "danger-fill" : "primary"} href={`/${team}${problem.path}`}>
            {problem.action}
          </LinkButton>
          {served && <LinkButton href={`/${team}/audit?q=${served.model}`}>What changed</LinkButton>}
        </div>
      </div>
      {served && <LatencyChart served={served} at={at} isMarked={isBad} since={since} />}
    </section>
  );
}

const MINUTE_MS = 60_000;

/** p99 by minute over the last hour, with what is usual. */
function LatencyChart({
  served,
  at,
  since,
  isMarked,
}: {
  served: Served;
  at: Date;
  since: Date | null;
  isMarked: boolean;
}) {
  const id = useId();
  const [cursor, moveCursor] = useCursor(id, id);
  const end = Math.floor(at.getTime() / MINUTE_MS) * MINUTE_MS;
  const points = served.p99Ms.map((y, i) => ({ x: end - (served.p99Ms.length - 1 - i) * MINUTE_MS, y }));
  const usual = served.usualP99Us === null ? null : served.usualP99Us / 1000;
  const first = points[0]?.x ?? end;
  const active = cursor === null ? -1 : points.findIndex(({ x }) => Math.abs(x - cursor) <= MINUTE_MS / 2);
  const point = points[active];
  const words = (p: (typeof points)[number]) =>
    `${clockTime(p.x).slice(0, 5)}: ${p.y === null ? "no requests" : ms(p.y)}`;
  return (
    <ChartFrame
      title={`${served.model} p99`}
      subtitle={point ? words(point) : "by minute, the last hour"}
      isInner
      file={`${served.model}-p99`}
      description={`p99 of ${served.model} by minute over the last hour.`}
      table={{
        heads: ["Minute, UTC", "p99, ms"],
        rows: points.map(({ x, y }) => [new Date(x).toISOString(), y]),
      }}
      points={{
        count: points.length,
        active,
        onActive: (index) => moveCursor(points[index]?.x ?? null),
        describe: (index) => (points[index] ? words(points[index]) : ""),
      }}
    >
      <Plot
        x={{
          domain: [first, end],
          label: "UTC",
          ticks: timeTicks([first, end], 5),
          format: (x) => clockTime(x).slice(0, 5),
        }}
        y={{
          domain: domainOf(
            points.map(({ y }) => y),
            [0],
          ),
          label: "ms",
        }}
        height={200}
        onHover={moveCursor}
        overlay={(scales) => <CursorMark scales={scales} x={point?.x ?? null} />}
      >
        {(scales) => (
          <>
            {since && isMarked && (
              <rect
                x={scales.x(Math.max(first, since.getTime()))}
                y={scales.top}
                width={Math.max(0, scales.right - scales.x(Math.max(first, since.getTime())))}
                height={scales.bottom - scales.top}
                fill="var(--bad-quiet)"
              />
            )}
            {usual !== null && (
              <LevelMark
                scales={scales}
                value={usual}
                label={`usually ${ms(usual)}`}
                color="var(--text-3)"
                stroke="dotted"
              />
            )}
            <LineMark scales={scales} points={points} color="var(--c-production)" />
          </>
        )}
      </Plot>
    </ChartFrame>
  );
}
