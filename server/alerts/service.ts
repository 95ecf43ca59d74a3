/** Alerts in a person's hands: what fires, who takes it up, what is kept quiet, and what happened around it. */
import { and, eq, sql } from "drizzle-orm";
import type { z } from "zod";
import { alertSilence } from "../../db/schema/alerts";
import { record } from "../audit/service";
import { type TeamContext, transact } from "../platform/context";
import { type Db, databaseTime } from "../platform/db";
import { Conflict, NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import type { ListAlerts, SilenceAlerts, TakeAlert } from "./contract";
import * as repo from "./repo";
import { ruleNames } from "./rule-repo";
import { isStarter, STARTERS } from "./starter-contract";
import { allSilenced, ruleOf } from "./steps";

export { DatabaseOutage, tellOutage } from "./outage";
export { listRules, preview, removeRule, saveRule, setStarter, switchRule } from "./rules";
export { watchTeams } from "./watch";

/** What changed before it began is what an incident is about. */
const BEFORE_MS = 30 * 60_000;
const AFTER_MS = 10 * 60_000;

export async function list(ctx: TeamContext, input: z.infer<typeof ListAlerts>) {
  const before = input.cursor ? new Date(input.cursor) : null;
  const [at, names, firing, over, silences] = await Promise.all([
    databaseTime(ctx.db),
    ruleNames(ctx.db, ctx.teamId),
    repo.firing(ctx.db, ctx.teamId),
    repo.resolved(ctx.db, ctx.teamId, { before, limit: input.limit + 1 }),
    repo.silencesOf(ctx.db, ctx.teamId),
  ]);
  const page = over.slice(0, input.limit);
  const now = new Date(at);
  const ids = [...firing, ...page].map(({ id }) => id);
  const members = await repo.membersOf(ctx.db, ctx.teamId, ids);
  const of = (alertId: string) => members.filter((member) => member.alertId === alertId);
  return {
    firing: firing.map((alert) => {
      const keys = of(alert.id).flatMap(({ state, key }) => (state === "firing" ? [key] : []));
      return { ...alert, count: keys.length, isSilenced: allSilenced(keys, silences, now) };
    }),
    resolved: page.map((alert) => ({ ...alert, count: of(alert.id).length })),
    silences: silences.map((silence) => ({ ...silence, of: silencedSays(silence.matches, names) })),
    next: over.length > input.limit ? (page.at(-1)?.resolvedAt?.getTime() ?? null) : null,
  };
}

/** A rule's name; of one of its subjects with its key. */
function silencedSays(matches: string, names: ReadonlyMap<string, string>): string {
  const rule = ruleOf(matches);
  const name = isStarter(rule) ? STARTERS[rule].name : (names.get(rule) ?? rule);
  return matches === rule ? name : `${name}, ${matches.slice(rule.length + 1)} alone`;
}

/** One alert with its subjects, and what changed around it across the product, newest first. @throws NotFound */
export async function incident(ctx: TeamContext, input: { alertId: string }) {
  const alert = await find(ctx.db, ctx.teamId, input.alertId);
  const from = new Date(alert.beganAt.getTime() - BEFORE_MS);
  const [now, members] = await Promise.all([
    databaseTime(ctx.db),
    repo.membersOf(ctx.db, ctx.teamId, [alert.id]),
  ]);
  const to = alert.resolvedAt ? new Date(alert.resolvedAt.getTime() + AFTER_MS) : new Date(now);
  return { alert, members, happened: await repo.happened(ctx.db, ctx.teamId, from, to) };
}

async function find(db: Db, teamId: string, alertId: string) {
  const found = await repo.findAlert(db, teamId, alertId);
  if (!found) throw new NotFound("There is no such alert in this team.");
  return found;
}

/** Says who looks after it, with a note. @throws Conflict when it is over */
export async function take(ctx: TeamContext, input: z.infer<typeof TakeAlert>): Promise<void> {
  await transact(ctx, async (tx) => {
    const alert = await find(tx, ctx.teamId, input.alertId);
    if (alert.state !== "firing")
      throw new Conflict("This alert is over.", { code: "alert_over", remedy: "Look at those that fire." });
    await repo.setAlert(tx, ctx.teamId, alert.id, {
      takenBy: ctx.actor.id,
      takenAt: sql`now()`,
      note: input.note,
    });
    await record(tx, ctx, {
      action: "alert.taken",
      target: { kind: "alert", id: alert.id },
      summary: `Took up: ${alert.title}${input.note ? `. ${input.note}` : ""}`,
      before: { takenBy: alert.takenBy, note: alert.note },
      after: { note: input.note },
    });
    await emit(tx, { teamId: ctx.teamId, topic: "alerts", key: alert.id });
  });
}

/** Nobody is told of alerts of a rule, or of one alert, for a while; they stay in the list. */
export async function silence(ctx: TeamContext, input: z.infer<typeof SilenceAlerts>): Promise<void> {
  await transact(ctx, async (tx) => {
    const id = newId("sil");
    await tx.insert(alertSilence).values({
      ...{ id, teamId: ctx.teamId, matches: input.matches, reason: input.reason, createdBy: ctx.actor.id },
      until: sql`now() + make_interval(mins => ${input.minutes})`,
    });
    const of = silencedSays(input.matches, await ruleNames(tx, ctx.teamId));
    await record(tx, ctx, {
      action: "alert.silenced",
      target: { kind: "alert_silence", id },
      summary: `Silenced ${of} for ${input.minutes} min: ${input.reason}`,
      after: input,
    });
    await emit(tx, { teamId: ctx.teamId, topic: "alerts", key: id });
  });
}

/** @throws NotFound when it has ended already */
export async function unsilence(ctx: TeamContext, input: { silenceId: string }): Promise<void> {
  await transact(ctx, async (tx) => {
    // Of two presses at once the second waits for the first, and then finds it ended.
    const [found] = await tx
      .update(alertSilence)
      .set({ until: sql`now()` })
      .where(
        and(
          eq(alertSilence.teamId, ctx.teamId),
          eq(alertSilence.id, input.silenceId),
          sql`${alertSilence.until} > clock_timestamp()`,
        ),
      )
      .returning({ id: alertSilence.id, matches: alertSilence.matches });
    if (!found) throw new NotFound("This silence has ended already.");
    const of = silencedSays(found.matches, await ruleNames(tx, ctx.teamId));
    await record(tx, ctx, {
      action: "alert.silence_ended",
      target: { kind: "alert_silence", id: found.id },
      summary: `Ended the silence of ${of}`,
    });
    await emit(tx, { teamId: ctx.teamId, topic: "alerts", key: found.id });
  });
}
