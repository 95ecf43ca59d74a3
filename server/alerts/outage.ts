/**
 * The database away: nobody can write that down while it lasts, so the controller remembers it and writes once it is
 * back. Meanwhile the web's readiness, the wall and every page say so by themselves.
 */
import { sql } from "drizzle-orm";
import { alert, alertMember } from "../../db/schema/alerts";
import { record } from "../audit/service";
import { type Database, databaseTime } from "../platform/db";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { wakeRelay } from "../platform/live/relay";
import * as repo from "./repo";
import { heardBy } from "./rule-repo";
import { STARTERS } from "./starter-contract";
import { allSilenced } from "./steps";
import type { Fence } from "./watch";

/** Shorter than this is a restart that nobody noticed. */
const SHORTEST_MS = 10_000;
/** Who leads only now tells what it saw lately, and nothing of yesterday. */
const LATEST_MS = 10 * 60_000;

export interface Outage {
  /** By a clock that only runs forward, ms. */
  from: number;
  to: number;
}

/** Answers and silences of the database, as one process sees them. Times are `performance.now()`. */
export class DatabaseOutage {
  private missedSince: number | null = null;
  private over: Outage[] = [];

  missed(at: number): void {
    this.missedSince ??= at;
  }

  /** @param askedAt an answer that was long in coming is a time without one */
  answered(at: number, askedAt = at): void {
    if (at - askedAt >= SHORTEST_MS) this.missed(askedAt);
    if (this.missedSince !== null && at - this.missedSince >= SHORTEST_MS)
      this.over.push({ from: this.missedSince, to: at });
    this.missedSince = null;
    this.over = this.over.filter(({ to }) => at - to <= LATEST_MS);
  }

  /** What is over and nobody was told of yet. */
  get untold(): readonly Outage[] {
    return this.over;
  }
  isTold(outage: Outage): void {
    this.over = this.over.filter((one) => one !== outage);
  }
}

/** Writes down, for every team that wants to hear of it, for how long the database was away. Once for several controllers. */
export async function tellOutage(
  db: Database,
  outages: DatabaseOutage,
  fence: Fence = async () => {},
  now = performance.now(),
): Promise<void> {
  for (const outage of outages.untold) {
    const theirs = await databaseTime(db);
    const beganAt = new Date(theirs - (now - outage.from));
    const endedAt = new Date(theirs - (now - outage.to));
    for (const teamId of await repo.teamIds(db)) await write(db, teamId, fence, beganAt, endedAt);
    outages.isTold(outage);
  }
}

async function write(
  db: Database,
  teamId: string,
  fence: Fence,
  beganAt: Date,
  endedAt: Date,
): Promise<void> {
  const [silences, heard] = await Promise.all([repo.silencesOf(db, teamId), heardBy(db, teamId)]);
  await db.transaction(async (tx) => {
    await fence(tx);
    const { rows } = await tx.execute<{ known: boolean; off: boolean }>(sql`
      select exists (select from alert where team_id = ${teamId} and rule = 'database'
          and began_at < ${endedAt} and resolved_at > ${beganAt}) as known,
        exists (select from alert_rule where team_id = ${teamId} and starter = 'database' and not is_on) as off`);
    if (rows[0]?.known || rows[0]?.off) return;
    const seconds = Math.round((endedAt.getTime() - beganAt.getTime()) / 1000);
    const id = newId("alr");
    const told = {
      severity: "bad",
      title: `The database was away for ${lastedSays(seconds)}`,
      detail:
        "Nothing could be read or changed meanwhile. Models went on being served by the last table of routes; workers and agents kept what they had to tell.",
      path: "/audit",
    } as const;
    const times = { beganAt, seenAt: endedAt, firedAt: beganAt };
    await tx.insert(alert).values({
      ...{ id, teamId, rule: "database", place: STARTERS.database.name, ...told, ...times },
      ...{ state: "resolved", toldAt: endedAt, resolvedAt: endedAt },
    });
    await tx.insert(alertMember).values({
      ...{ alertId: id, teamId, key: "database:away", about: "the database", ...told, ...times },
      ...{ state: "gone", goneAt: endedAt },
    });
    const by = { teamId, actor: { kind: "system", id: "alerts" }, requestId: newId("req") } as const;
    const isSilenced = allSilenced(["database:away"], silences, endedAt);
    await record(tx, by, {
      action: "alert.fired",
      target: { kind: "alert", id },
      summary: told.title,
      after: { ...told, seconds, isSilenced, webhooks: heard.get("database") ?? null },
    });
    await emit(tx, { teamId, topic: "alerts", key: id });
  });
  wakeRelay();
}

const lastedSays = (seconds: number): string =>
  seconds < 120
    ? `${seconds} s`
    : seconds < 7200
      ? `${Math.round(seconds / 60)} min`
      : `${Math.round(seconds / 3600)} h`;
