/** Endpoints of a team: made with a secret that is shown once, tried out, and taken away. */
import { and, desc, eq, isNull } from "drizzle-orm";
import type { z } from "zod";
import { webhook, webhookDelivery } from "../../db/schema/hooks";
import { user } from "../../db/schema/identity";
import { record } from "../audit/service";
import { config } from "../platform/config";
import { type TeamContext, transact } from "../platform/context";
import type { Db } from "../platform/db";
import { Limit, NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { seal } from "../platform/seal";
import { resolveTarget } from "./address";
import type { CreateHook } from "./contract";
import { bodyOf, DEAD_AFTER_HOURS, newDelivery, SECRET_PURPOSE } from "./deliver";
import { newSecret } from "./sign";

const MOST_HOOKS = 20;
const DELIVERIES = 100;

/** Without their secrets: nobody reads those again. */
export const hooks = (ctx: TeamContext) =>
  ctx.db
    .select({
      id: webhook.id,
      url: webhook.url,
      events: webhook.events,
      by: user.name,
      createdAt: webhook.createdAt,
    })
    .from(webhook)
    .innerJoin(user, eq(user.id, webhook.createdBy))
    .where(and(eq(webhook.teamId, ctx.teamId), isNull(webhook.removedAt)))
    .orderBy(webhook.createdAt);

/** Those that hear of alarms, by the host alone: whoever writes a rule chooses among them. */
export const webhookNames = async (ctx: TeamContext): Promise<{ id: string; host: string }[]> =>
  (await hooks(ctx)).flatMap(({ id, url, events }) =>
    events.includes("alarm.fired") ? [{ id, host: new URL(url).host }] : [],
  );

/** What was sent last, newest first. */
export const deliveries = (ctx: TeamContext) =>
  ctx.db
    .select({
      id: webhookDelivery.id,
      url: webhook.url,
      type: webhookDelivery.type,
      state: webhookDelivery.state,
      tries: webhookDelivery.tries,
      lastStatus: webhookDelivery.lastStatus,
      lastError: webhookDelivery.lastError,
      lastMs: webhookDelivery.lastMs,
      nextAt: webhookDelivery.nextAt,
      createdAt: webhookDelivery.createdAt,
    })
    .from(webhookDelivery)
    .innerJoin(webhook, eq(webhook.id, webhookDelivery.webhookId))
    .where(eq(webhookDelivery.teamId, ctx.teamId))
    .orderBy(desc(webhookDelivery.createdAt))
    .limit(DELIVERIES);

/** @throws Invalid for an address that leads into a private network, Limit for too many */
export async function createHook(ctx: TeamContext, input: z.infer<typeof CreateHook>) {
  await resolveTarget(input.url, config().webhookAllow);
  const [id, secret] = [newId("whk"), newSecret()];
  await transact(ctx, async (tx) => {
    const there = await tx
      .select({ id: webhook.id })
      .from(webhook)
      .where(and(eq(webhook.teamId, ctx.teamId), isNull(webhook.removedAt)));
    if (there.length >= MOST_HOOKS) {
      throw new Limit(`A team has at most ${MOST_HOOKS} webhooks.`, { remedy: "Remove one first." });
    }
    const sealed = seal(secret, SECRET_PURPOSE, id);
    await tx.insert(webhook).values({
      id,
      teamId: ctx.teamId,
      url: input.url,
      events: input.events,
      sealed,
      createdBy: ctx.actor.id,
    });
    await record(tx, ctx, {
      action: "webhook.created",
      target: { kind: "webhook", id },
      summary: `Added a webhook to ${new URL(input.url).host}`,
      after: input,
    });
    await emit(tx, { teamId: ctx.teamId, topic: "hooks", key: id });
  });
  return { id, secret };
}

async function find(db: Db, ctx: TeamContext, hookId: string) {
  const [found] = await db
    .select()
    .from(webhook)
    .where(and(eq(webhook.id, hookId), eq(webhook.teamId, ctx.teamId), isNull(webhook.removedAt)));
  if (!found) throw new NotFound("There is no such webhook in this team.");
  return found;
}

/** Another secret in place of the one that it has; what is sent from then on, tries again too, is signed with it. */
export async function renewSecret(ctx: TeamContext, input: { hookId: string }) {
  const secret = newSecret();
  await transact(ctx, async (tx) => {
    const found = await find(tx, ctx, input.hookId);
    const sealed = seal(secret, SECRET_PURPOSE, found.id);
    await tx.update(webhook).set({ sealed }).where(eq(webhook.id, found.id));
    await record(tx, ctx, {
      action: "webhook.secret_renewed",
      target: { kind: "webhook", id: found.id },
      summary: `Made a new secret for the webhook to ${new URL(found.url).host}`,
    });
    await emit(tx, { teamId: ctx.teamId, topic: "hooks", key: found.id });
  });
  return { secret };
}

/** Nothing more is sent to it; what was sent stays in the list. */
export async function removeHook(ctx: TeamContext, input: { hookId: string }): Promise<void> {
  await transact(ctx, async (tx) => {
    const found = await find(tx, ctx, input.hookId);
    await tx.update(webhook).set({ removedAt: new Date(), sealed: "" }).where(eq(webhook.id, found.id));
    await tx
      .update(webhookDelivery)
      .set({ state: "dead", lastError: "Its endpoint was removed." })
      .where(and(eq(webhookDelivery.webhookId, found.id), eq(webhookDelivery.state, "pending")));
    await record(tx, ctx, {
      action: "webhook.removed",
      target: { kind: "webhook", id: found.id },
      summary: `Removed the webhook to ${new URL(found.url).host}`,
      before: { url: found.url, events: found.events },
    });
    await emit(tx, { teamId: ctx.teamId, topic: "hooks", key: found.id });
  });
}

/** Sends a message that says that it is a test. */
export async function sendTest(ctx: TeamContext, input: { hookId: string }) {
  return transact(ctx, async (tx) => {
    const found = await find(tx, ctx, input.hookId);
    const body = bodyOf("test", new Date(), { team: ctx.teamSlug, summary: "A test; nothing happened." });
    const delivery = newDelivery(found, "test", newId("tst"), body);
    await tx.insert(webhookDelivery).values(delivery);
    await emit(tx, { teamId: ctx.teamId, topic: "hooks", key: found.id });
    return { id: delivery.id };
  });
}

/** Sends the same message again, under its own id, for another day at most. */
export async function sendAgain(ctx: TeamContext, input: { deliveryId: string }): Promise<void> {
  await transact(ctx, async (tx) => {
    const [found] = await tx
      .select({ hookId: webhookDelivery.webhookId })
      .from(webhookDelivery)
      .where(and(eq(webhookDelivery.id, input.deliveryId), eq(webhookDelivery.teamId, ctx.teamId)));
    if (!found) throw new NotFound("There is no such delivery in this team.");
    await find(tx, ctx, found.hookId);
    await tx
      .update(webhookDelivery)
      .set({
        state: "pending",
        tries: 0,
        nextAt: new Date(),
        deadAt: new Date(Date.now() + DEAD_AFTER_HOURS * 3_600_000),
      })
      .where(and(eq(webhookDelivery.id, input.deliveryId), eq(webhookDelivery.teamId, ctx.teamId)));
    await emit(tx, { teamId: ctx.teamId, topic: "hooks", key: found.hookId });
  });
}

export { runHooks } from "./deliver";
