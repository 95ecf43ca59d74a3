/** The controller's part of alerts: what is wrong becomes an alert, is told, and is over. */
import { record } from "../audit/service";
import { problemsNow } from "../overview/service";
import { type Database, databaseTime, type Transaction } from "../platform/db";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { wakeRelay } from "../platform/live/relay";
import { log } from "../platform/log";
import * as repo from "./repo";
import { isSilenced, stepsOf } from "./steps";

type Fence = (tx: Transaction) => Promise<void>;
type Problem = Awaited<ReturnType<typeof problemsNow>>[number];

/** Looks at every team; one whose look fails keeps nobody else's from being looked at. */
export async function watchTeams(
  db: Database,
  fence: Fence = async () => {},
  now?: () => Date,
): Promise<void> {
  for (const teamId of await repo.teamIds(db)) {
    try {
      await watch(db, teamId, fence, now?.() ?? new Date(await databaseTime(db)));
    } catch (error) {
      log().warn({ err: error, teamId }, "a team's alerts could not be judged");
    }
  }
}

async function watch(db: Database, teamId: string, fence: Fence, now: Date): Promise<void> {
  const [open, problems] = await Promise.all([repo.openAlerts(db, teamId), problemsNow(db, teamId)]);
  if (open.length + problems.length === 0) return;
  const { begin, see, forget, fire, resolve } = stepsOf(open, problems, now);
  await db.transaction(async (tx) => {
    await fence(tx);
    const look: Look = { tx, teamId, now, silences: await repo.silencesOf(tx, teamId) };
    const pending = { teamId, state: "pending", beganAt: now, seenAt: now } as const;
    const rows = begin.map((problem) => ({ id: newId("alr"), ...pending, ...toRow(problem) }));
    if (rows.length > 0) await repo.insertPending(tx, rows);
    for (const { id, problem } of see)
      await repo.setAlert(tx, teamId, [id], { ...toRow(problem), seenAt: now });
    if (forget.length > 0) await repo.dropPending(tx, teamId, forget);
    for (const { id, problem } of fire) await fires(look, id, problem);
    for (const id of resolve) await isOver(look, id);
  });
  if (fire.length + resolve.length > 0) wakeRelay();
}

interface Look {
  tx: Transaction;
  teamId: string;
  now: Date;
  silences: Awaited<ReturnType<typeof repo.silencesOf>>;
}

async function fires(look: Look, id: string, problem: Problem): Promise<void> {
  const { tx, teamId, now, silences } = look;
  const { key, title, detail, path, severity } = problem;
  await repo.setAlert(tx, teamId, [id], { ...toRow(problem), state: "firing", firedAt: now, seenAt: now });
  const quiet = isSilenced(key, silences, now);
  await tell(look, id, "alert.fired", title, { severity, detail, path, isSilenced: quiet });
}

async function isOver(look: Look, id: string): Promise<void> {
  const { tx, teamId, now, silences } = look;
  const alert = await repo.findAlert(tx, teamId, id);
  if (!alert) return;
  await repo.setAlert(tx, teamId, [id], { state: "resolved", resolvedAt: now });
  const quiet = isSilenced(alert.key, silences, now);
  await tell(look, id, "alert.resolved", `Over: ${alert.title}`, { path: alert.path, isSilenced: quiet });
}

const toRow = ({ key, severity, place, title, detail, path }: Problem) => ({
  ...{ key, severity, place, title, detail, path },
});

async function tell(
  { tx, teamId }: Look,
  id: string,
  action: "alert.fired" | "alert.resolved",
  summary: string,
  after: Record<string, unknown>,
): Promise<void> {
  const by = { teamId, actor: { kind: "system", id: "alerts" }, requestId: newId("req") } as const;
  await record(tx, by, { action, target: { kind: "alert", id }, summary, after });
  await emit(tx, { teamId, topic: "alerts", key: id });
}
