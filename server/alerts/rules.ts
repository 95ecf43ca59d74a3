/** Rules in a person's hands: what is in force, writing, switching, taking away, and setting the starters. */
import { eq, sql } from "drizzle-orm";
import type { PgUpdateSetSource } from "drizzle-orm/pg-core";
import type { z } from "zod";
import { alertRule } from "../../db/schema/alerts";
import { record } from "../audit/service";
import { webhookNames } from "../hooks/service";
import { type TeamContext, transact } from "../platform/context";
import type { Transaction } from "../platform/db";
import { Conflict, Invalid, Limit, NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import {
  conditionSays,
  PreviewRule,
  type RemoveRule,
  type RuleDraft,
  type SaveRule,
  SERIES,
  type SetStarter,
  type SwitchRule,
} from "./rule-contract";
import * as repo from "./rule-repo";
import { limitsOf, STARTER_NAMES, STARTERS, type Starter, wrongLimits } from "./starter-contract";

export { preview } from "./preview";

const MOST_RULES = 200;

/** Starters as they are set and rules as they are written, with when each last fired, and who could hear. */
export async function listRules(ctx: TeamContext) {
  const [rows, fired, webhooks] = await Promise.all([
    repo.listRules(ctx.db, ctx.teamId),
    repo.lastFired(ctx.db, ctx.teamId),
    webhookNames(ctx),
  ]);
  const firedOf = (rule: string) => ({
    lastFiredAt: fired.get(rule)?.at ?? null,
    isFiring: (fired.get(rule)?.firing ?? 0) > 0,
    times: fired.get(rule)?.times ?? 0,
  });
  return {
    webhooks,
    starters: STARTER_NAMES.map((starter) => {
      const set = rows.find((row) => row.starter === starter);
      return {
        ...{
          starter,
          isOn: set?.isOn ?? true,
          revision: set?.revision ?? 0,
          webhooks: set?.webhooks ?? null,
        },
        limits: limitsOf(starter, figuresOf(set?.looks)),
        ...firedOf(starter),
      };
    }),
    written: rows.flatMap(({ starter, looks, ...row }) => {
      const read = PreviewRule.safeParse(looks);
      if (starter !== null || !read.success) return [];
      const { series, condition, metric } = read.data;
      const what = `${SERIES[series].name}${metric ? ` ${metric}` : ""}`;
      return [
        { ...row, looks: read.data, says: `${what} ${conditionSays(series, condition)}`, ...firedOf(row.id) },
      ];
    }),
  };
}

const figuresOf = (looks: unknown): Record<string, number> =>
  Object.fromEntries(
    Object.entries(looks ?? {}).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );

const isPast = (what: string) =>
  new Conflict(`Somebody changed ${what} meanwhile; nothing of yours was saved.`, {
    code: "revision_moved",
    remedy: "Look at what it says now and change that.",
  });

/** @throws Invalid for a webhook that the team does not have */
async function knowWebhooks(ctx: TeamContext, chosen: readonly string[] | null): Promise<void> {
  if (chosen === null || chosen.length === 0) return;
  const known = new Set((await webhookNames(ctx)).map(({ id }) => id));
  if (chosen.every((id) => known.has(id))) return;
  throw new Invalid("one of the webhooks is not there any more", {
    field: "webhooks",
    remedy: "Choose among those in Settings, Webhooks.",
  });
}

const columnsOf = ({
  name,
  note,
  severity,
  webhooks,
  isOn,
  series,
  metric,
  subject,
  condition,
}: RuleDraft) => ({
  ...{ name, note, severity, webhooks, isOn },
  looks: PreviewRule.parse({ series, metric: series === "run.metric" ? metric : null, subject, condition }),
});

/**
 * Writes a new rule, or a new revision of one.
 *
 * @throws NotFound for one that is gone, Conflict where another's revision is newer, Limit beyond 200 rules
 */
export async function saveRule(
  ctx: TeamContext,
  input: z.infer<typeof SaveRule>,
): Promise<{ ruleId: string }> {
  await knowWebhooks(ctx, input.rule.webhooks);
  const { rule } = input;
  const says = `${rule.name}: ${SERIES[rule.series].name} ${conditionSays(rule.series, rule.condition)}`;
  return transact(ctx, async (tx) => {
    await repo.lockRules(tx, ctx.teamId);
    const values = columnsOf(rule);
    if (input.ruleId === null) {
      if ((await repo.countRules(tx, ctx.teamId)) >= MOST_RULES)
        throw new Limit(`A team has at most ${MOST_RULES} rules.`, {
          remedy: "Take one away that nobody needs.",
        });
      const id = newId("rul");
      await tx.insert(alertRule).values({ id, teamId: ctx.teamId, ...values, createdBy: ctx.actor.id });
      await tellRule(tx, ctx, "alert_rule.written", id, `Wrote the alert rule ${says}`, { after: values });
      return { ruleId: id };
    }
    const before = await findForChange(tx, ctx, input.ruleId, input.revision);
    await change(tx, before.id, values);
    await tellRule(tx, ctx, "alert_rule.changed", before.id, `Changed the alert rule ${says}`, {
      before: kept(before),
      after: values,
    });
    return { ruleId: before.id };
  });
}

type Row = typeof alertRule.$inferSelect;
const kept = ({ name, note, severity, webhooks, isOn, looks }: Row) => ({
  ...{ name, note, severity, webhooks, isOn, looks },
});

async function findForChange(tx: Transaction, ctx: TeamContext, id: string, revision: number): Promise<Row> {
  const row = await repo.findRule(tx, ctx.teamId, id);
  if (!row || row.removedAt) throw new NotFound("There is no such alert rule in this team.");
  if (row.revision !== revision) throw isPast(row.name);
  return row;
}

const change = (tx: Transaction, id: string, values: PgUpdateSetSource<typeof alertRule>) =>
  tx
    .update(alertRule)
    .set({ ...values, revision: sql`${alertRule.revision} + 1`, updatedAt: sql`now()` })
    .where(eq(alertRule.id, id));

async function tellRule(
  tx: Transaction,
  ctx: TeamContext,
  action: string,
  id: string,
  summary: string,
  sides: { before?: unknown; after?: unknown },
): Promise<void> {
  await record(tx, ctx, { action, target: { kind: "alert_rule", id }, summary, ...sides });
  await emit(tx, { teamId: ctx.teamId, topic: "alerts", key: id });
}

/** Off: it looks at nothing, and what it told of is over within a minute. */
export async function switchRule(ctx: TeamContext, input: z.infer<typeof SwitchRule>): Promise<void> {
  await transact(ctx, async (tx) => {
    await repo.lockRules(tx, ctx.teamId);
    const { isOn } = input;
    const before = await findForChange(tx, ctx, input.ruleId, input.revision);
    await change(tx, before.id, { isOn });
    const summary = `Switched the alert rule ${before.name} ${isOn ? "on" : "off"}`;
    await tellRule(tx, ctx, "alert_rule.switched", before.id, summary, {
      before: { isOn: before.isOn },
      after: { isOn },
    });
  });
}

/** Takes a rule away, or brings one back that was taken away. @throws NotFound */
export async function removeRule(ctx: TeamContext, input: z.infer<typeof RemoveRule>): Promise<void> {
  await transact(ctx, async (tx) => {
    await repo.lockRules(tx, ctx.teamId);
    const row = await repo.findRule(tx, ctx.teamId, input.ruleId);
    if (!row || (row.removedAt !== null) === input.isRemoved)
      throw new NotFound("There is no such alert rule in this team.");
    await change(tx, row.id, { removedAt: input.isRemoved ? sql`now()` : null });
    const [action, did] = input.isRemoved
      ? ["alert_rule.removed", "Took away"]
      : ["alert_rule.restored", "Brought back"];
    await tellRule(tx, ctx, action ?? "", row.id, `${did} the alert rule ${row.name}`, { before: kept(row) });
  });
}

/** @throws Invalid for figures that are out of bounds, Conflict where another's revision is newer */
export async function setStarter(ctx: TeamContext, input: z.infer<typeof SetStarter>): Promise<void> {
  const { starter, isOn, limits, webhooks } = input;
  const [wrong] = wrongLimits(starter, limits);
  if (wrong) throw new Invalid(wrong[1], { field: `limits.${wrong[0]}`, remedy: "Nothing was changed." });
  await knowWebhooks(ctx, webhooks);
  await transact(ctx, async (tx) => {
    await repo.lockRules(tx, ctx.teamId);
    const row = await repo.findStarter(tx, ctx.teamId, starter);
    if ((row?.revision ?? 0) !== input.revision) throw isPast(STARTERS[starter].name);
    const after = { isOn, limits: limitsOf(starter, limits), webhooks };
    const id = row?.id ?? newId("rul");
    if (row) await change(tx, id, { isOn, looks: after.limits, webhooks });
    else
      await tx
        .insert(alertRule)
        .values({ id, ...starterRow(ctx, starter), isOn, looks: after.limits, webhooks });
    const before = row
      ? { isOn: row.isOn, limits: row.looks, webhooks: row.webhooks }
      : { isOn: true, limits: limitsOf(starter), webhooks: null };
    const summary = `Set the alert rule ${STARTERS[starter].name}${isOn ? "" : ": off"}`;
    await tellRule(tx, ctx, "alert_rule.set", id, summary, { before, after });
  });
}

const starterRow = (ctx: TeamContext, starter: Starter) => ({
  ...{ teamId: ctx.teamId, starter, name: STARTERS[starter].name, createdBy: ctx.actor.id },
  severity: "warning" as const,
});
