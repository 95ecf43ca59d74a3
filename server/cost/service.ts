/** What a team spends and may spend. Months and days are those of UTC. */
import type { z } from "zod";
import type { TeamContext } from "../platform/context";
import { databaseTime } from "../platform/db";
import { budgetState, heldRemedy, heldSays, isHeld } from "./budget";
import { type CostQuery, DEFAULT_THRESHOLDS, type SpendQuery } from "./contract";
import { forecastOf, LOOKS_BACK } from "./forecast";
import { DAY_MS, dayOf, monthOf, monthSpan } from "./month";
import * as repo from "./repo";

export { bookSpend, reopenBooks } from "./book";
export {
  type BudgetState,
  budgetState,
  budgetStates,
  editBudget,
  isHeld,
  refuseOverBudget,
  teamsHeld,
} from "./budget";

/** A month against its budget. What will be is told of the month that it is only. */
export async function costPage(ctx: TeamContext, { month }: z.infer<typeof CostQuery>) {
  const { db, teamId } = ctx;
  const now = await databaseTime(db);
  const current = monthOf(now);
  const span = month === null ? current : monthSpan(month);
  const isCurrent = span.month === current.month;
  const today = Date.parse(dayOf(now));
  const [days, lately, whole, books, saved, prices] = await Promise.all([
    repo.daysOf(db, teamId, span),
    repo.daysOf(db, teamId, { from: today - LOOKS_BACK * DAY_MS, until: today }),
    repo.wholeOf(db, teamId, span),
    repo.booksOf(db, teamId),
    repo.findBudget(db, teamId),
    repo.poolPrices(db),
  ]);
  const spent = days.reduce((sum, { amount }) => sum + amount, 0);
  const window = { now, until: span.until };
  return {
    ...{ month: span.month, from: span.from, until: span.until, now, isCurrent },
    months: [...new Set([current.month, ...books.months])],
    /** Until when the books are; null before anything was booked. */
    bookedUntil: books.until,
    days,
    spent,
    forecast: isCurrent
      ? forecastOf(
          lately.map(({ amount }) => amount),
          spent,
          window,
        )
      : null,
    whole,
    unpricedHours: whole.reduce((sum, { unpricedHours }) => sum + unpricedHours, 0),
    poolsWithoutPrice: prices.filter(({ hasPrice }) => !hasPrice).map(({ name }) => name),
    /** Null where there is none; what it is now, whichever month is shown. */
    budget: {
      amount: saved?.amount ?? null,
      thresholds: saved?.thresholds ?? DEFAULT_THRESHOLDS,
      isHard: saved?.isHard ?? false,
      revision: saved?.revision ?? 0,
    },
  };
}

export async function spending(ctx: TeamContext, input: z.infer<typeof SpendQuery>) {
  const { by, sort, order, limit } = input;
  const offset = input.cursor ?? 0;
  const span = input.month === null ? monthOf(await databaseTime(ctx.db)) : monthSpan(input.month);
  const rows = await repo.spendBy(ctx.db, ctx.teamId, span, {
    by,
    sort,
    order,
    offset,
    limit: limit + 1,
  });
  return { rows: rows.slice(0, limit), nextCursor: rows.length > limit ? offset + limit : null };
}

/** Whether something may be launched now: what forms say before anybody presses. Null where it may. */
export async function hold(ctx: TeamContext) {
  const state = await budgetState(ctx.db, ctx.teamId);
  if (!state || !isHeld(state)) return null;
  return { says: heldSays(state), remedy: await heldRemedy(ctx.db, ctx.teamId, state.now) };
}
