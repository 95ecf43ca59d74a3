/** A rule before it is saved: played over the last day of its own series. */
import type { TeamContext } from "../platform/context";
import { databaseTime } from "../platform/db";
import { byName } from "../platform/names-contract";
import { inOrder, type Point, play, type Span } from "./judge";
import { type Preview, SERIES, staleSeconds } from "./rule-contract";
import { readSeries, sourceOf } from "./sources";

const DAY_MS = 24 * 3_600_000;
/** A day of a thousand nodes by the minute would be a million rows. */
const USAGE_STEP_SECONDS = 300;
/** Lines that a chart holds, and points of each. */
const MOST_LINES = 8;
const MOST_POINTS = 288;

export interface PreviewLine {
  id: string;
  name: string;
  points: Point[];
  fired: Span[];
}

/**
 * What the rule would have done over the last 24 hours to what is there now. Those that would have fired come first.
 * `subjects` are all that there are, to choose among.
 */
export async function preview(ctx: TeamContext, looks: Preview) {
  const { series, metric, subject, condition } = looks;
  const to = await databaseTime(ctx.db);
  const from = to - DAY_MS;
  const source = sourceOf(series);
  const stepSeconds = source === "usage" ? USAGE_STEP_SECONDS : 60;
  const range = { from, to, stepSeconds };
  const read = await readSeries(ctx.db, source, ctx.teamId, range, metric ? [metric] : []);
  const all = read(looks);
  const staleMs = Math.max(staleSeconds(series), 3 * stepSeconds) * 1000;
  const played = all
    .filter(({ id }) => subject === null || id === subject)
    .map(({ id, name, bornAt, points }): PreviewLine => {
      const known = { points: inOrder(points), bornAt, staleMs };
      return { id, name, points: known.points, fired: play(condition, known, Math.max(from, bornAt), to) };
    })
    .sort((a, b) => b.fired.length - a.fired.length || byName(a.name, b.name));
  const keepLeast = condition.kind === "threshold" ? condition.side === "below" : false;
  return {
    from,
    to,
    isKept: SERIES[series].isKept,
    fired: played.reduce((sum, line) => sum + line.fired.length, 0),
    subjects: all.map(({ id, name }) => ({ id, name })).sort((a, b) => byName(a.name, b.name)),
    count: played.length,
    lines: played
      .slice(0, MOST_LINES)
      .map((line) => ({ ...line, points: thin(line.points, from, keepLeast) })),
  };
}

/** One point for each five minutes: the extreme that the rule looks for, so that what fired it stays in sight. */
export function thin(points: readonly Point[], from: number, keepLeast: boolean): Point[] {
  const kept = new Map<number, Point>();
  for (const point of points) {
    const cell = Math.floor((point.at - from) / (DAY_MS / MOST_POINTS));
    const held = kept.get(cell);
    if (!held || (keepLeast ? point.value < held.value : point.value > held.value)) kept.set(cell, point);
  }
  return [...kept.values()];
}
