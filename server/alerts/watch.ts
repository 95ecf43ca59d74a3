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

type Problem = Awaited<ReturnType<typeof problemsNow>>[number];

/** Looks at every team; one whose look fails keeps nobody else's from being looked at. */
export async function watchTeams(
  db: Database,
  fence: (tx: Transaction) => Promise<void> = async () => {},
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

async function watch(
  db: Database,
  teamId: string,
  fence: (tx: Transaction) => Promise<void>,
  now: Date,
): Promise<void> {
  const [open, problems] = await Promise.all([repo.openAlerts(db, teamId), problemsNow(db, teamId)]);
  if (open.length + problems.length === 0) return;
  const steps = stepsOf(open, problems, now);
  const began = new Map(open.map(({ id, beganAt }) => [id, beganAt]));
  await db.transaction(async (tx) => {
    await fence(tx);
    if (steps.begin.length > 0)
      await repo.insertPending(
        tx,
        steps.begin.map((problem) => ({
          ...toRow(problem),
          id: newId("alr"),
          teamId,
          state: "pending" as const,
          beganAt: now,
          seenAt: now,
        })),
      );
    for (const { id, problem } of steps.see)
      await repo.setAlert(tx, teamId, [id], { ...toRow(problem), seenAt: now });
    if (steps.forget.length > 0) await repo.dropPending(tx, teamId, steps.forget);
    const silences = await repo.silencesOf(tx, teamId);
    for (const { id, problem } of steps.fire) {
      await repo.setAlert(tx, teamId, [id], {
        ...toRow(problem),
        state: "firing",
        firedAt: now,
        seenAt: now,
      });
      const { title, detail, path, severity } = problem;
      await tell(tx, teamId, id, "alert.fired", title, {
        ...{ severity, detail, path, since: began.get(id)?.toISOString() },
        isSilenced: isSilenced(problem.key, silences, now),
      });
    }
    for (const id of steps.resolve) {
      const found = await repo.findAlert(tx, teamId, id);
      await repo.setAlert(tx, teamId, [id], { state: "resolved", resolvedAt: now });
      if (found)
        await tell(tx, teamId, id, "alert.resolved", `Over: ${found.title}`, {
          path: found.path,
          isSilenced: isSilenced(found.key, silences, now),
        });
    }
  });
  if (steps.fire.length + steps.resolve.length > 0) wakeRelay();
}

const toRow = ({ key, severity, place, title, detail, path }: Problem) => ({
  ...{ key, severity, place, title, detail, path },
});

async function tell(
  tx: Transaction,
  teamId: string,
  id: string,
  action: "alert.fired" | "alert.resolved",
  summary: string,
  after: Record<string, unknown>,
): Promise<void> {
  const actor = { kind: "system", id: "alerts" } as const;
  await record(
    tx,
    { teamId, actor, requestId: newId("req") },
    { action, target: { kind: "alert", id }, summary, after },
  );
  await emit(tx, { teamId, topic: "alerts", key: id });
}
