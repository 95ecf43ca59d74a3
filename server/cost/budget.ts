/** A team's budget: set by people, and held against what is spent wherever something would be launched. */

import { sql } from "drizzle-orm";
import type { z } from "zod";
import { budget } from "../../db/schema/cost";
import { record } from "../audit/service";
import { type TeamContext, transact } from "../platform/context";
import type { Db, Transaction } from "../platform/db";
import { Conflict } from "../platform/errors";
import { emit } from "../platform/live/outbox";
import { dollars } from "../platform/money";
import { granted, Role } from "../platform/permissions";
import type { EditBudget } from "./contract";
import { daySays, monthOf, monthSays } from "./month";
import * as repo from "./repo";

/** What is spent of a budget now. */
export interface BudgetState {
  amount: number;
  isHard: boolean;
  thresholds: readonly number[];
  spent: number;
  /** The database's, Unix ms. */
  now: number;
}

/** By team; one without a budget is absent. */
export const budgetStates = async (db: Db, teamIds: readonly string[]): Promise<Map<string, BudgetState>> =>
  new Map((await repo.budgetsOf(db, teamIds)).map(({ teamId, ...state }) => [teamId, state]));

export async function budgetState(db: Db, teamId: string): Promise<BudgetState | null> {
  return (await budgetStates(db, [teamId])).get(teamId) ?? null;
}

/** Its cap is reached: nothing new begins. */
export const isHeld = ({ amount, isHard, spent }: Pick<BudgetState, "amount" | "isHard" | "spent">) =>
  isHard && spent >= amount;

/** Those of the teams that begin nothing new. */
export const teamsHeld = async (db: Db, teamIds: readonly string[]): Promise<Set<string>> =>
  new Set((await repo.budgetsOf(db, [...new Set(teamIds)])).filter(isHeld).map(({ teamId }) => teamId));

/** "The budget of November is spent: $512.30 of $500.00 since 1 November, UTC." */
export function heldSays({ amount, spent, now }: BudgetState): string {
  const { from } = monthOf(now);
  return `The budget of ${monthSays(from)} is spent: ${dollars(spent)} of ${dollars(amount)} since ${daySays(from)}, UTC.`;
}

/** Who can mend it, and when it mends itself. */
export async function heldRemedy(db: Db, teamId: string, now: number): Promise<string> {
  const roles = Role.options.filter((role) => granted([role], "budget.edit"));
  const names = await repo.peopleWith(db, teamId, roles);
  const who = names.length > 0 ? names.join(" or ") : `someone with the role ${roles.join(" or ")}`;
  return `${who} may raise it on the Cost page; else it begins anew on ${daySays(monthOf(now).until)}.`;
}

/** Launches hold it together, whoever edits the budget alone: each launch sees one budget or the other. */
export const budgetTurn = (tx: Transaction, teamId: string, how: "shared" | "alone") => {
  const lock = sql.raw(how === "shared" ? "pg_advisory_xact_lock_shared" : "pg_advisory_xact_lock");
  return tx.execute(sql`select ${lock}(hashtextextended(${`budget:${teamId}`}, 0))`);
};

/**
 * For whatever begins something that costs: call it first in the transaction. Serving and rollbacks never ask.
 *
 * @throws Conflict `budget_spent` where the team's cap is reached
 */
export async function refuseOverBudget(tx: Transaction, teamId: string): Promise<void> {
  await budgetTurn(tx, teamId, "shared");
  const state = await budgetState(tx, teamId);
  if (!state || !isHeld(state)) return;
  throw new Conflict(`${heldSays(state)} Nothing new is launched.`, {
    code: "budget_spent",
    remedy: await heldRemedy(tx, teamId, state.now),
  });
}

const amountSays = (amount: number | null) => (amount === null ? "no budget" : `${dollars(amount)} a month`);

/** @throws Conflict when somebody saved another revision meanwhile, or nothing would change */
export async function editBudget(ctx: TeamContext, input: z.infer<typeof EditBudget>) {
  return transact(ctx, async (tx) => {
    await budgetTurn(tx, ctx.teamId, "alone");
    const last = await repo.findBudget(tx, ctx.teamId);
    const revision = last?.revision ?? 0;
    const { basedOn, ...next } = input;
    if (basedOn !== revision) {
      throw new Conflict("Somebody changed the budget meanwhile; nothing of yours was saved.", {
        code: "budget_changed",
        remedy: "Look at what it is now, then make your change again.",
      });
    }
    const before = last && { amount: last.amount, thresholds: last.thresholds, isHard: last.isHard };
    if (JSON.stringify(before ?? { ...next, amount: null }) === JSON.stringify({ ...next }))
      throw new Conflict("Nothing changed, so there is nothing to save.", { code: "nothing_changed" });
    const row = { ...next, revision: revision + 1, updatedBy: ctx.actor.id, updatedAt: sql`now()` };
    await tx
      .insert(budget)
      .values({ teamId: ctx.teamId, ...row })
      .onConflictDoUpdate({ target: budget.teamId, set: row });
    const cap = next.amount !== null && next.isHard ? ", beyond which nothing is launched" : "";
    await record(tx, ctx, {
      action: "budget.edited",
      target: { kind: "budget", id: ctx.teamId },
      summary: `Set the budget to ${amountSays(next.amount)}${cap}`,
      before,
      after: next,
    });
    await emit(tx, { teamId: ctx.teamId, topic: "cost", key: ctx.teamId });
    return { revision: row.revision };
  });
}
