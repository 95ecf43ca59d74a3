/** SQL of the audit log. Every query names the team. */
import { and, asc, count, desc, eq, gt, ilike, inArray, like, lt, min, or } from "drizzle-orm";
import { auditEntry } from "../../db/schema/audit";
import { user } from "../../db/schema/identity";
import { containing, type Db, startingWith } from "../platform/db";
import type { ListEntries } from "./contract";

export type EntryRow = typeof auditEntry.$inferSelect;

function matching(teamId: string, filter: ListEntries) {
  const { actor, action, target, search } = filter;
  return and(
    eq(auditEntry.teamId, teamId),
    actor ? eq(auditEntry.actor, actor) : undefined,
    action
      ? or(eq(auditEntry.action, action), like(auditEntry.action, startingWith(`${action}.`)))
      : undefined,
    target ? or(eq(auditEntry.targetId, target), eq(auditEntry.targetKind, target)) : undefined,
    search
      ? or(ilike(auditEntry.summary, containing(search)), like(auditEntry.hash, startingWith(search)))
      : undefined,
  );
}

/** Newest first, after the cursor. */
export async function listEntries(db: Db, teamId: string, filter: ListEntries) {
  return db
    .select({
      id: auditEntry.id,
      seq: auditEntry.seq,
      createdAt: auditEntry.createdAt,
      actorKind: auditEntry.actorKind,
      actor: auditEntry.actor,
      actorName: user.name,
      action: auditEntry.action,
      targetKind: auditEntry.targetKind,
      targetId: auditEntry.targetId,
      summary: auditEntry.summary,
      hash: auditEntry.hash,
    })
    .from(auditEntry)
    .leftJoin(user, eq(user.id, auditEntry.actor))
    .where(and(matching(teamId, filter), filter.cursor ? lt(auditEntry.seq, filter.cursor) : undefined))
    .orderBy(desc(auditEntry.seq))
    .limit(filter.limit + 1);
}

export async function countEntries(db: Db, teamId: string, filter: ListEntries) {
  const [row] = await db
    .select({ n: count(), since: min(auditEntry.createdAt) })
    .from(auditEntry)
    .where(matching(teamId, filter));
  return { n: row?.n ?? 0, since: row?.since ?? null };
}

/** An entry with its neighbours in the chain. */
export async function findWithNeighbours(db: Db, teamId: string, seq: number) {
  return db
    .select({ entry: auditEntry, actorName: user.name })
    .from(auditEntry)
    .leftJoin(user, eq(user.id, auditEntry.actor))
    .where(and(eq(auditEntry.teamId, teamId), inArray(auditEntry.seq, [seq - 1, seq, seq + 1])))
    .orderBy(asc(auditEntry.seq));
}

/** The chain in order, a page at a time. */
export const chainAfter = (db: Db, teamId: string, seq: number, limit: number): Promise<EntryRow[]> =>
  db
    .select()
    .from(auditEntry)
    .where(and(eq(auditEntry.teamId, teamId), gt(auditEntry.seq, seq)))
    .orderBy(asc(auditEntry.seq))
    .limit(limit);

/** Everyone and everything that acted, and every kind of action: what the filters offer. */
export async function facets(db: Db, teamId: string) {
  const actors = await db
    .selectDistinct({ actor: auditEntry.actor, name: user.name })
    .from(auditEntry)
    .leftJoin(user, eq(user.id, auditEntry.actor))
    .where(eq(auditEntry.teamId, teamId));
  const actions = await db
    .selectDistinct({ action: auditEntry.action })
    .from(auditEntry)
    .where(eq(auditEntry.teamId, teamId))
    .orderBy(auditEntry.action);
  return { actors, actions: actions.map((row) => row.action) };
}
