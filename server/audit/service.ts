/** Who did what to what: written in the action's own transaction. No audit, no action. */
import { sql } from "drizzle-orm";
import { auditEntry } from "../../db/schema/audit";
import { digestOf } from "../platform/canonical";
import type { TeamContext } from "../platform/context";
import type { Transaction } from "../platform/db";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";

export interface AuditedAction {
  /** `noun.verb` in the past. */
  action: string;
  target: { kind: string; id: string };
  /** One sentence that a person reads, without its actor. */
  summary: string;
  before?: unknown;
  after?: unknown;
}

export const GENESIS = "0".repeat(64);

/** What the hash of an entry covers. A person's name is not in it, so erasing a person leaves the chain whole. */
export const entryHash = (entry: {
  teamId: string;
  seq: number;
  createdAt: Date;
  actor: string;
  action: string;
  targetKind: string;
  targetId: string;
  summary: string;
  before: unknown;
  after: unknown;
  previousHash: string;
}): string =>
  digestOf({
    teamId: entry.teamId,
    seq: entry.seq,
    at: entry.createdAt.toISOString(),
    actor: digestOf({ actor: entry.actor, teamId: entry.teamId }),
    action: entry.action,
    target: [entry.targetKind, entry.targetId],
    summary: entry.summary,
    before: entry.before ?? null,
    after: entry.after ?? null,
    previous: entry.previousHash,
  });

/** Waits for the team's chain and holds it until the end of the transaction: before a lock that others take after it. */
export async function takeTurn(tx: Transaction, teamId: string): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`audit:${teamId}`}, 0))`);
}

/** Appends to the team's chain; concurrent actions of one team take turns on its last entry. */
export async function record(
  tx: Transaction,
  ctx: Pick<TeamContext, "teamId" | "actor" | "requestId">,
  action: AuditedAction,
): Promise<void> {
  await takeTurn(tx, ctx.teamId);
  const { rows } = await tx.execute<{ seq: string; hash: string; now: string }>(sql`
    select coalesce(max(seq), 0)::text as seq,
           coalesce((select hash from audit_entry where team_id = ${ctx.teamId} order by seq desc limit 1), ${GENESIS}) as hash,
           to_char(clock_timestamp() at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as now
    from audit_entry where team_id = ${ctx.teamId}`);
  const last = rows[0];
  if (!last) throw new Error("the audit chain could not be read");
  const entry = {
    id: newId("aud"),
    teamId: ctx.teamId,
    seq: Number(last.seq) + 1,
    createdAt: new Date(last.now),
    actorKind: ctx.actor.kind,
    actor: ctx.actor.id,
    action: action.action,
    targetKind: action.target.kind,
    targetId: action.target.id,
    summary: action.summary,
    before: action.before ?? null,
    after: action.after ?? null,
    requestId: ctx.requestId,
    previousHash: last.hash,
  };
  await tx.insert(auditEntry).values({ ...entry, hash: entryHash(entry) });
  await emit(tx, { teamId: ctx.teamId, topic: "audit", key: entry.id });
}
