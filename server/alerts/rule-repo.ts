/** SQL of rules. */
import { and, asc, count, eq, isNotNull, isNull, max, sql } from "drizzle-orm";
import { alert, alertRule } from "../../db/schema/alerts";
import { user } from "../../db/schema/identity";
import type { Db, Transaction } from "../platform/db";

/** Rules that people wrote have ids, starters have names. */
export const isWritten = (rule: string): boolean => rule.startsWith("rul_");

/** Of all teams: what the controller judges. */
export const rulesInForce = (db: Db) =>
  db
    .select({
      id: alertRule.id,
      teamId: alertRule.teamId,
      name: alertRule.name,
      note: alertRule.note,
      severity: alertRule.severity,
      looks: alertRule.looks,
    })
    .from(alertRule)
    .where(and(isNull(alertRule.starter), isNull(alertRule.removedAt), eq(alertRule.isOn, true)))
    .orderBy(alertRule.id);
export type RuleInForce = Awaited<ReturnType<typeof rulesInForce>>[number];

/** Which webhooks hear of each rule; null, and a rule that is not named: all that hear of alarms. */
export async function heardBy(db: Db, teamId: string): Promise<Map<string, string[] | null>> {
  const rows = await db
    .select({ id: alertRule.id, starter: alertRule.starter, webhooks: alertRule.webhooks })
    .from(alertRule)
    .where(and(eq(alertRule.teamId, teamId), isNotNull(alertRule.webhooks)));
  return new Map(rows.map(({ id, starter, webhooks }) => [starter ?? id, webhooks]));
}

/** Those that were written and what was set of starters, without removed ones, by name. */
export const listRules = (db: Db, teamId: string) =>
  db
    .select({
      id: alertRule.id,
      starter: alertRule.starter,
      name: alertRule.name,
      note: alertRule.note,
      severity: alertRule.severity,
      looks: alertRule.looks,
      webhooks: alertRule.webhooks,
      isOn: alertRule.isOn,
      revision: alertRule.revision,
      by: user.name,
      updatedAt: alertRule.updatedAt,
    })
    .from(alertRule)
    .innerJoin(user, eq(user.id, alertRule.createdBy))
    .where(and(eq(alertRule.teamId, teamId), isNull(alertRule.removedAt)))
    .orderBy(asc(alertRule.name), asc(alertRule.id));

/** Names of all rules that were ever written, by id: an alert that is over outlives its rule. */
export async function ruleNames(db: Db, teamId: string): Promise<Map<string, string>> {
  const rows = await db
    .select({ id: alertRule.id, name: alertRule.name })
    .from(alertRule)
    .where(and(eq(alertRule.teamId, teamId), isNull(alertRule.starter)));
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** When alerts of each rule last fired, and whether one does. */
export async function lastFired(db: Db, teamId: string) {
  const rows = await db
    .select({
      rule: alert.rule,
      at: max(alert.firedAt),
      firing: sql<number>`count(*) filter (where ${alert.state} = 'firing')::int`,
      times: count(),
    })
    .from(alert)
    .where(and(eq(alert.teamId, teamId), isNotNull(alert.firedAt)))
    .groupBy(alert.rule);
  return new Map(rows.map((row) => [row.rule, row]));
}

/** Takes turns with whoever changes a rule of the team. */
export const lockRules = (tx: Transaction, teamId: string) =>
  tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`alert rules:${teamId}`}, 0))`);

export const findRule = async (db: Db, teamId: string, id: string) =>
  (
    await db
      .select()
      .from(alertRule)
      .where(and(eq(alertRule.teamId, teamId), eq(alertRule.id, id), isNull(alertRule.starter)))
  )[0];

export const findStarter = async (db: Db, teamId: string, starter: string) =>
  (
    await db
      .select()
      .from(alertRule)
      .where(and(eq(alertRule.teamId, teamId), eq(alertRule.starter, starter)))
  )[0];

export const countRules = (db: Db, teamId: string): Promise<number> =>
  db.$count(
    alertRule,
    and(eq(alertRule.teamId, teamId), isNull(alertRule.starter), isNull(alertRule.removedAt)),
  );
