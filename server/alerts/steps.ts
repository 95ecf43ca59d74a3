/**
 * When what is wrong becomes an alert, and when that is over: pure. A subject has to last before anybody is told, and to
 * be gone for a while before it counts as over, so that what comes and goes is told once. Subjects of one rule are one
 * alert: it is told when the first of them fires, again when more have joined, and over when the last is gone.
 */
import { byRule, type Problem } from "../overview/service";

/** Seconds without a subject before it counts as over. */
const CLEAR_SECONDS = 60;
/** Who joins later is told together with others, at most so often. */
const TELL_AGAIN_SECONDS = 300;

/** What of a problem is kept of a subject. */
export type Said = Pick<Problem, "about" | "severity" | "title" | "detail" | "path">;
export interface Member extends Said {
  key: string;
  state: "pending" | "firing" | "gone";
  beganAt: Date;
  seenAt: Date;
  firedAt: Date | null;
}
export interface Open {
  id: string;
  rule: string;
  state: "pending" | "firing";
  toldAt: Date | null;
  /** Without those that are gone. */
  members: readonly Member[];
}

export interface Step<P> {
  rule: string;
  /** Null for an alert that begins. */
  alert: Open | null;
  /** As they are now, those that went included. */
  members: Member[];
  /** Keys of those that did not last: nobody was told. */
  forgotten: string[];
  /** What is there now of it. */
  problems: P[];
  outcome: "pending" | "fires" | "grows" | "goes on" | "is over" | "is forgotten";
  /** Members that nobody was told of yet. */
  news: Member[];
}

/** "slow" of "slow:mdl_1". */
export const ruleOf = (key: string): string => key.split(":")[0] ?? key;

const secondsSince = (at: Date, now: Date) => (now.getTime() - at.getTime()) / 1000;

/** One step for each rule that has an open alert or a problem. */
export function stepsOf<P extends Problem>(
  open: readonly Open[],
  problems: readonly P[],
  now: Date,
): Step<P>[] {
  const found = byRule(problems);
  const known = new Map(open.map((alert) => [alert.rule, alert]));
  const rules = new Set([...known.keys(), ...found.keys()]);
  return [...rules].map((rule) => stepOf(rule, known.get(rule) ?? null, found.get(rule) ?? [], now));
}

function stepOf<P extends Problem>(rule: string, alert: Open | null, problems: P[], now: Date): Step<P> {
  const there = new Map(problems.map((problem) => [problem.key, problem]));
  const known = new Map((alert?.members ?? []).map((member) => [member.key, member]));
  const seen = [...there.values()].map((problem) => see(problem, known.get(problem.key), now));
  const away = [...known.values()].filter(({ key }) => !there.has(key));
  const forgotten = away.filter(({ state }) => state === "pending").map(({ key }) => key);
  const waning = away
    .filter(({ state }) => state === "firing")
    .map(
      (member): Member =>
        secondsSince(member.seenAt, now) >= CLEAR_SECONDS ? { ...member, state: "gone" } : member,
    );
  const members = [...seen, ...waning];
  const toldAt = alert?.toldAt ?? null;
  const news = members.filter(
    ({ state, firedAt }) => state === "firing" && firedAt && (!toldAt || firedAt > toldAt),
  );
  return {
    ...{ rule, alert, members, forgotten, news, problems: [...there.values()] },
    outcome: outcomeOf(alert, members, news, now),
  };
}

function see(problem: Problem, member: Member | undefined, now: Date): Member {
  const { key, about, severity, title, detail, path, holdSeconds } = problem;
  const said = { key, about, severity, title, detail, path, seenAt: now };
  if (!member) return { ...said, state: "pending", beganAt: now, firedAt: null };
  const isDue = member.state === "pending" && secondsSince(member.beganAt, now) >= holdSeconds;
  return { ...member, ...said, ...(isDue && { state: "firing", firedAt: now }) };
}

function outcomeOf(
  alert: Open | null,
  members: readonly Member[],
  news: readonly Member[],
  now: Date,
): Step<Problem>["outcome"] {
  const staying = members.filter(({ state }) => state !== "gone");
  if (alert?.state !== "firing") {
    if (news.length > 0) return "fires";
    return staying.length > 0 ? "pending" : "is forgotten";
  }
  if (staying.length === 0) return "is over";
  const mayTell = alert.toldAt === null || secondsSince(alert.toldAt, now) >= TELL_AGAIN_SECONDS;
  return news.length > 0 && mayTell ? "grows" : "goes on";
}

interface Silence {
  matches: string;
  until: Date;
}
/** Whether somebody asked to hear nothing of this subject, or of all of its rule, for now. */
export const isSilenced = (key: string, silences: readonly Silence[], now: Date): boolean =>
  silences.some(({ matches, until }) => until > now && (matches === key || matches === ruleOf(key)));

/** Of an alert: all of its subjects are. */
export const allSilenced = (keys: readonly string[], silences: readonly Silence[], now: Date): boolean =>
  keys.length > 0 && keys.every((key) => isSilenced(key, silences, now));
