/** The controller's part of alerts: what is wrong becomes an alert, is told, and is over. */
import { record } from "../audit/service";
import { type Problem, problemsNow, type SharedFacts, sharedFacts, together } from "../overview/service";
import type { Database, Transaction } from "../platform/db";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { wakeRelay } from "../platform/live/relay";
import { log } from "../platform/log";
import { Findings } from "./findings";
import * as repo from "./repo";
import { heardBy, isWritten } from "./rule-repo";
import { allSilenced, type Member, type Open, type Step, stepsOf } from "./steps";

export type Fence = (tx: Transaction) => Promise<void>;

/**
 * Looks at every team, all at the moment at which what is the same for them was read; one whose look fails keeps nobody
 * else's from being looked at.
 */
export async function watchTeams(
  db: Database,
  fence: Fence = async () => {},
  now?: () => Date,
): Promise<void> {
  const teamIds = await repo.teamIds(db);
  const shared = await sharedFacts(db, teamIds);
  const at = now?.() ?? shared.now;
  const findings = await Findings.begin(db, at.getTime());
  for (const teamId of teamIds) {
    try {
      await watch(db, teamId, fence, { now: at, shared, findings });
    } catch (error) {
      log().warn({ err: error, teamId }, "a team's alerts could not be judged");
    }
  }
}

/** What one look at all teams has in common. */
interface Pass {
  now: Date;
  shared: SharedFacts;
  findings: Findings;
}

async function watch(
  db: Database,
  teamId: string,
  fence: Fence,
  { now, shared, findings }: Pass,
): Promise<void> {
  const [all, judged] = await Promise.all([repo.openAlerts(db, teamId), problemsNow(db, teamId, shared)]);
  const { open, found } = await withFound(all, findings, teamId);
  const problems = [...judged, ...found];
  if (open.length + problems.length === 0) return;
  const steps = stepsOf(open, problems, now);
  const [silences, heard] = await Promise.all([repo.silencesOf(db, teamId), heardBy(db, teamId)]);
  await db.transaction(async (tx) => {
    await fence(tx);
    for (const step of steps) await take({ tx, teamId, now, silences, heard }, step);
  });
  if (steps.some(({ outcome }) => outcome !== "pending" && outcome !== "goes on")) wakeRelay();
}

/** Where rules that people wrote can't be judged now, their alerts stay as they are: nothing is known of them. */
async function withFound(open: Open[], findings: Findings, teamId: string) {
  const firing = open.flatMap(({ members }) =>
    members.flatMap(({ key, state }) => (state === "firing" ? [key] : [])),
  );
  try {
    return { open, found: await findings.problemsOf(teamId, new Set(firing)) };
  } catch (error) {
    log().warn({ err: error, teamId }, "a team's rules could not be judged");
    return { open: open.filter(({ rule }) => !isWritten(rule)), found: [] };
  }
}

interface Look {
  tx: Transaction;
  teamId: string;
  now: Date;
  silences: Awaited<ReturnType<typeof repo.silencesOf>>;
  /** Webhooks by rule; null is all that hear of alarms. */
  heard: ReadonlyMap<string, string[] | null>;
}

async function take(look: Look, step: Step<Problem>): Promise<void> {
  const { tx, teamId, now } = look;
  if (step.outcome === "is forgotten") {
    if (step.alert) await repo.dropPending(tx, teamId, step.alert.id);
    return;
  }
  const id = step.alert?.id ?? (await begin(look, step));
  const alertId = id;
  await repo.writeMembers(
    tx,
    teamId,
    step.members.map((member) => ({ ...member, alertId })),
    now,
  );
  if (step.forgotten.length > 0) await repo.dropMembers(tx, id, step.forgotten);
  if (step.outcome === "is over") await isOver(look, id, step);
  else await isSeen(look, id, step);
}

async function begin({ tx, teamId, now }: Look, { rule, problems }: Step<Problem>): Promise<string> {
  const [first] = problems;
  if (!first) throw new Error(`an alert of ${rule} begins with nothing`);
  const id = newId("alr");
  const { severity, place, title, detail, path } = first;
  await repo.insertAlert(tx, {
    ...{ id, teamId, rule, severity, place, title, detail, path },
    ...{ state: "pending", beganAt: now, seenAt: now },
  });
  return id;
}

const worstFirst = (a: Member, b: Member) =>
  Number(b.severity === "bad") - Number(a.severity === "bad") ||
  (b.firedAt?.getTime() ?? 0) - (a.firedAt?.getTime() ?? 0);

async function isSeen(look: Look, id: string, step: Step<Problem>): Promise<void> {
  const { tx, teamId, now } = look;
  const { outcome, members, problems, news } = step;
  const firing = members.filter(({ state }) => state === "firing").toSorted(worstFirst);
  const [problem] = problems;
  // What only lingers until it counts as over is told as it was.
  const said =
    problem && firing.length > 0 ? { ...together(firing, problem.many), place: problem.place } : {};
  const isTold = outcome === "fires" || outcome === "grows";
  await repo.setAlert(tx, teamId, id, {
    ...said,
    seenAt: now,
    ...(outcome === "fires" && { state: "firing", firedAt: now }),
    ...(isTold && { toldAt: now }),
  });
  if (!isTold || !problem) return;
  const { severity, title, detail, path } = together(firing, problem.many);
  await tell(look, id, step.rule, outcome === "fires" ? "alert.fired" : "alert.grew", title, news, {
    ...{ severity, detail, path, count: firing.length, members: firing.slice(0, NAMED).map((m) => m.title) },
  });
}

/** Subjects that a message names. */
const NAMED = 20;

async function isOver(look: Look, id: string, { rule, members }: Step<Problem>): Promise<void> {
  const { tx, teamId, now } = look;
  const alert = await repo.findAlert(tx, teamId, id);
  if (!alert) return;
  await repo.setAlert(tx, teamId, id, { state: "resolved", resolvedAt: now });
  await tell(look, id, rule, "alert.resolved", `Over: ${alert.title}`, members, { path: alert.path });
}

async function tell(
  { tx, teamId, now, silences, heard }: Look,
  id: string,
  rule: string,
  action: "alert.fired" | "alert.grew" | "alert.resolved",
  summary: string,
  about: readonly Member[],
  after: Record<string, unknown>,
): Promise<void> {
  const by = { teamId, actor: { kind: "system", id: "alerts" }, requestId: newId("req") } as const;
  const keys = about.map(({ key }) => key);
  const hears = { isSilenced: allSilenced(keys, silences, now), webhooks: heard.get(rule) ?? null };
  await record(tx, by, { action, target: { kind: "alert", id }, summary, after: { ...after, ...hears } });
  await emit(tx, { teamId, topic: "alerts", key: id });
}
