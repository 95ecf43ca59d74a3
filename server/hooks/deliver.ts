/** The controller's part of webhooks: makes deliveries of what the outbox tells, and tries them until they arrive. */
import { and, eq, inArray, isNull, lte, sql } from "drizzle-orm";
import { auditEntry } from "../../db/schema/audit";
import { webhook, webhookCursor, webhookDelivery } from "../../db/schema/hooks";
import { team, user } from "../../db/schema/identity";
import { promotionRequest } from "../../db/schema/releases";
import { config } from "../platform/config";
import type { Database, Transaction } from "../platform/db";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { currentCursor, readEvents, wakeRelay } from "../platform/live/relay";
import { unseal } from "../platform/seal";
import type { HookEvent } from "./contract";
import { send, type Tried } from "./send";

type Fence = (tx: Transaction) => Promise<void>;
const CURSOR = "audit";
const BATCH = 20;
/** A try whose process died is made again after this. */
const CLAIM_SECONDS = 60;
const FIRST_RETRY_SECONDS = 5;
const GROWTH = 4;
const LONGEST_RETRY_SECONDS = 4 * 3600;
export const DEAD_AFTER_HOURS = 24;
/** Of one message; what an entry says was before and after is left out of a longer one. */
const BODY_BYTES = 32_768;
export const SECRET_PURPOSE = "webhook";

/** Seconds until the next try after this many: 5 s, 20 s, 80 s, 5 min, 21 min, 85 min, then every 4 hours. */
export const retrySeconds = (tries: number): number =>
  Math.min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * GROWTH ** (tries - 1));

type Entry = typeof auditEntry.$inferSelect;

/** What an audited action is to the outside; null when it is nothing. */
export function eventOf({ action, after }: Pick<Entry, "action" | "after">): HookEvent | null {
  if (action === "promotion.opened") return "request.opened";
  if (action === "promotion.approved") {
    // One approval of several decides nothing yet.
    const isDecided =
      typeof after === "object" && after !== null && "state" in after && after.state === "approved";
    return isDecided ? "request.decided" : null;
  }
  if (/^promotion\.(declined|withdrawn|glass_broken|let_through)$/.test(action)) return "request.decided";
  if (/^(release|rollout)\./.test(action)) return "release.changed";
  if (/^alert\.(fired|grew|resolved)$/.test(action)) {
    const isQuiet = typeof after === "object" && after !== null && "isSilenced" in after && after.isSilenced;
    return isQuiet ? null : "alarm.fired";
  }
  return action === "alarm.fired" || action === "replicas.given_up" ? "alarm.fired" : null;
}

/** Whether an endpoint is among those that the entry's alert rule chose; without a choice all are. */
function isChosen({ action, after }: Pick<Entry, "action" | "after">, hookId: string): boolean {
  if (!action.startsWith("alert.") || typeof after !== "object" || after === null) return true;
  const chosen = "webhooks" in after ? after.webhooks : null;
  return !Array.isArray(chosen) || chosen.includes(hookId);
}

/** Makes deliveries of everything that was audited since the last time. */
export async function collect(db: Database, fence: Fence = async () => {}): Promise<void> {
  const [kept] = await db.select().from(webhookCursor).where(eq(webhookCursor.name, CURSOR));
  const cursor = kept?.cursor ?? (await currentCursor());
  const events = await readEvents(cursor);
  const next = events.at(-1)?.cursor ?? cursor;
  if (kept && next === kept.cursor) return;
  const told = events.flatMap((e) => (e.topic === "audit" ? [e.key] : []));
  await db.transaction(async (tx) => {
    await fence(tx);
    await tx
      .insert(webhookCursor)
      .values({ name: CURSOR, cursor: next })
      .onConflictDoUpdate({ target: webhookCursor.name, set: { cursor: next } });
    if (told.length > 0) await make(tx, told);
  });
}

async function make(tx: Transaction, entryIds: string[]): Promise<void> {
  const rows = await tx
    .select({
      entry: auditEntry,
      slug: team.slug,
      actor: user.name,
      request: promotionRequest.number,
      hook: webhook,
    })
    .from(auditEntry)
    .innerJoin(team, eq(team.id, auditEntry.teamId))
    .innerJoin(
      webhook,
      and(
        eq(webhook.teamId, auditEntry.teamId),
        isNull(webhook.removedAt),
        lte(webhook.createdAt, auditEntry.createdAt),
      ),
    )
    .leftJoin(user, eq(user.id, auditEntry.actor))
    .leftJoin(promotionRequest, eq(promotionRequest.id, auditEntry.targetId))
    .where(inArray(auditEntry.id, entryIds))
    .orderBy(auditEntry.seq);
  const due = rows.flatMap(({ entry, slug, actor, request, hook }) => {
    const type = eventOf(entry);
    if (!type || !hook.events.includes(type) || !isChosen(entry, hook.id)) return [];
    const page =
      entry.targetKind === "alert"
        ? `alerts?alert=${entry.targetId}`
        : request === null
          ? "releases"
          : `releases/requests/${request}`;
    const body = bodyOf(type, entry.createdAt, {
      team: slug,
      action: entry.action,
      summary: entry.summary,
      by: actor ?? entry.actor,
      target: { kind: entry.targetKind, id: entry.targetId },
      link: `${config().url}/${slug}/${page}`,
      before: entry.before,
      after: entry.after,
    });
    return [newDelivery(hook, type, entry.id, body)];
  });
  if (due.length > 0) await tx.insert(webhookDelivery).values(due).onConflictDoNothing();
}

export function bodyOf(type: string, at: Date, data: Record<string, unknown>): string {
  const write = (of: Record<string, unknown>) =>
    JSON.stringify({ type, timestamp: at.toISOString(), data: of });
  const whole = write(data);
  return Buffer.byteLength(whole) <= BODY_BYTES ? whole : write({ ...data, before: null, after: null });
}

export const newDelivery = (
  hook: Pick<typeof webhook.$inferSelect, "id" | "teamId">,
  type: string,
  causeId: string,
  body: string,
) => ({
  id: newId("msg"),
  teamId: hook.teamId,
  webhookId: hook.id,
  causeId,
  type,
  body,
  deadAt: new Date(Date.now() + DEAD_AFTER_HOURS * 3_600_000),
});

/** Tries what is due, at most twenty at once. */
export async function deliverDue(db: Database, fence: Fence = async () => {}): Promise<void> {
  const claimed = await db.transaction(async (tx) => {
    await fence(tx);
    const due = tx
      .select({ id: webhookDelivery.id })
      .from(webhookDelivery)
      .where(and(eq(webhookDelivery.state, "pending"), lte(webhookDelivery.nextAt, sql`now()`)))
      .orderBy(webhookDelivery.nextAt)
      .limit(BATCH)
      .for("update", { skipLocked: true });
    return tx
      .update(webhookDelivery)
      .set({
        tries: sql`${webhookDelivery.tries} + 1`,
        nextAt: sql`now() + ${CLAIM_SECONDS} * interval '1 second'`,
      })
      .where(inArray(webhookDelivery.id, due))
      .returning();
  });
  if (claimed.length === 0) return;
  const hooks = await db
    .select()
    .from(webhook)
    .where(inArray(webhook.id, [...new Set(claimed.map((d) => d.webhookId))]));
  await Promise.all(
    claimed.map(async (delivery) => {
      const hook = hooks.find((h) => h.id === delivery.webhookId);
      if (hook) await settle(db, delivery, await tryOnce(hook, delivery));
    }),
  );
  wakeRelay();
}

type Delivery = typeof webhookDelivery.$inferSelect;

async function tryOnce(hook: typeof webhook.$inferSelect, { id, body }: Delivery): Promise<Tried> {
  if (hook.removedAt) return { isDelivered: false, status: null, error: "Its endpoint was removed.", ms: 0 };
  const secret = unseal(hook.sealed, SECRET_PURPOSE, hook.id);
  return send({ id, url: hook.url, secret, body }, config().webhookAllow);
}

async function settle(db: Database, delivery: Delivery, tried: Tried): Promise<void> {
  const next = new Date(Date.now() + retrySeconds(delivery.tries) * 1000);
  const isDead = !tried.isDelivered && next > delivery.deadAt;
  await db.transaction(async (tx) => {
    await tx
      .update(webhookDelivery)
      .set({
        state: tried.isDelivered ? "delivered" : isDead ? "dead" : "pending",
        nextAt: next,
        lastStatus: tried.status,
        lastError: tried.error,
        lastMs: tried.ms,
        ...(tried.isDelivered && { deliveredAt: new Date() }),
      })
      .where(eq(webhookDelivery.id, delivery.id));
    await emit(tx, { teamId: delivery.teamId, topic: "hooks", key: delivery.webhookId });
  });
}

/** One turn: what is new, then what is due. */
export async function runHooks(db: Database, fence: Fence = async () => {}): Promise<void> {
  await collect(db, fence);
  await deliverDue(db, fence);
}
