/**
 * When a problem becomes an alert, and when that is over: pure. It has to last before anybody is told, and to be gone
 * for a while before it counts as over, so that what comes and goes is told once.
 */

/** Seconds that a problem lasts before it is told, by rule: 0 where the rule itself looks at a span of time. */
const HOLD_SECONDS: Readonly<Record<string, number>> = { down: 10, short: 120 };
/** Seconds without it before it counts as over. */
const CLEAR_SECONDS = 60;

export interface Open {
  id: string;
  key: string;
  state: "pending" | "firing";
  beganAt: Date;
  seenAt: Date;
}

export interface Steps<Problem> {
  begin: Problem[];
  /** Still so: what is told of it is brought up to date. */
  see: { id: string; problem: Problem }[];
  fire: { id: string; problem: Problem }[];
  resolve: string[];
  /** Did not last: nobody was told. */
  forget: string[];
}

/** "slow" of "slow:mdl_1". */
export const ruleOf = (key: string): string => key.split(":")[0] ?? key;

const secondsSince = (at: Date, now: Date) => (now.getTime() - at.getTime()) / 1000;

export function stepsOf<Problem extends { key: string }>(
  open: readonly Open[],
  problems: readonly Problem[],
  now: Date,
): Steps<Problem> {
  const steps: Steps<Problem> = { begin: [], see: [], fire: [], resolve: [], forget: [] };
  const known = new Map(open.map((alert) => [alert.key, alert]));
  const there = new Map(problems.map((problem) => [problem.key, problem]));
  for (const problem of there.values()) {
    const alert = known.get(problem.key);
    if (!alert) steps.begin.push(problem);
    else if (alert.state === "pending" && secondsSince(alert.beganAt, now) >= holdOf(problem.key))
      steps.fire.push({ id: alert.id, problem });
    else steps.see.push({ id: alert.id, problem });
  }
  for (const alert of known.values()) {
    if (there.has(alert.key)) continue;
    if (alert.state === "pending") steps.forget.push(alert.id);
    else if (secondsSince(alert.seenAt, now) >= CLEAR_SECONDS) steps.resolve.push(alert.id);
  }
  return steps;
}

const holdOf = (key: string): number => HOLD_SECONDS[ruleOf(key)] ?? 0;

/** Whether somebody asked to hear nothing of this for now. */
export const isSilenced = (key: string, silences: readonly { matches: string; until: Date }[], now: Date) =>
  silences.some(({ matches, until }) => until > now && (matches === key || matches === ruleOf(key)));
