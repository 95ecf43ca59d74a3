/** What waits for a person, counted across slices: one read model, no rules. */
import { and, inArray, isNotNull, sql } from "drizzle-orm";
import { z } from "zod";
import { alertRule } from "../../db/schema/alerts";
import { isStarter, limitsOf, STARTER_LIMITS, type Starter } from "../alerts/starter-contract";
import { containing, type Db, startingWith } from "../platform/db";
import { groupBy } from "../platform/group-by";
import type { Found } from "./contract";
import type { Firing } from "./groups";
import type { Settings } from "./problems";

export interface Needs {
  running: number;
  /** Alerts that need somebody. */
  alerts: number;
}

/** Of an alert `a` that fires: nobody has taken it up, and not all of it is kept quiet. */
const NEEDS_SOMEBODY = sql`a.taken_by is null and exists (
  select from alert_member m where m.alert_id = a.id and m.state = 'firing' and not exists (
    select from alert_silence s where s.team_id = a.team_id and s.until > now() and s.matches in (a.rule, m.key)))`;

export async function countNeeds(db: Db, teamId: string): Promise<Needs> {
  const { rows } = await db.execute<Needs & Record<string, unknown>>(sql`
    select
      (select count(*)::int from run where team_id = ${teamId} and kind = 'train' and state in ('queued', 'running')) as running,
      (select count(*)::int from alert a
       where a.team_id = ${teamId} and a.state = 'firing' and ${NEEDS_SOMEBODY}) as alerts`);
  const row = rows[0];
  if (!row) throw new Error("counting answered no row");
  return { running: row.running, alerts: row.alerts };
}

/** Alerts that fire, as they were told. */
export async function firingAlerts(db: Db, teamId: string): Promise<Firing[]> {
  const { rows } = await db.execute<Omit<Firing, "since"> & { since: string }>(sql`
    select a.id, a.rule, a.severity, a.place, a.title, a.detail, a.began_at as since, ${NEEDS_SOMEBODY} as "needsSomebody"
    from alert a where a.team_id = ${teamId} and a.state = 'firing' order by a.began_at, a.id`);
  return rows.map((row) => ({ ...row, since: new Date(row.since) }));
}

const Figures = z.record(z.string(), z.number());

type StarterRow = Pick<typeof alertRule.$inferSelect, "starter" | "isOn" | "looks">;

/** What teams set of the rules that they have from the beginning; one that set nothing is absent. */
export async function starterSettings(db: Db, teamIds: readonly string[]): Promise<Map<string, Settings>> {
  const { teamId, starter, isOn, looks } = alertRule;
  const rows = await db
    .select({ teamId, starter, isOn, looks })
    .from(alertRule)
    .where(and(inArray(teamId, [...teamIds]), isNotNull(starter)));
  return new Map([...groupBy(rows, (row) => row.teamId)].map(([id, of]) => [id, settingsOf(of)]));
}

function settingsOf(rows: readonly StarterRow[]): Settings {
  const set = new Map(rows.map(({ starter, looks }) => [starter, Figures.parse(looks)]));
  const of = <S extends Starter>(starter: S) => limitsOf(starter, set.get(starter));
  return {
    limits: {
      ...STARTER_LIMITS,
      ...{ errors: of("errors"), slow: of("slow"), waits: of("waits") },
      ...{ lag: of("lag"), limit: of("limit"), disk: of("disk") },
    },
    off: new Set(
      rows.flatMap(({ starter, isOn }) => (!isOn && starter && isStarter(starter) ? [starter] : [])),
    ),
  };
}

export interface FailedRun {
  number: number;
  title: string;
  cause: string;
  endedAt: Date;
}
const MOST_FAILED = 20;

/** Within the last hour and not mended by a rerun since, newest first. */
export async function failedRuns(db: Db, teamId: string): Promise<FailedRun[]> {
  const { rows } = await db.execute<Omit<FailedRun, "endedAt"> & { endedAt: string }>(sql`
    select number, title, coalesce(cause ->> 'message', 'nobody said why') as cause, ended_at as "endedAt"
    from run where team_id = ${teamId} and state = 'failed' and ended_at > now() - interval '1 hour'
      and not exists (select from run again where again.origin_id = run.id and again.state = 'succeeded')
    order by ended_at desc limit ${MOST_FAILED}`);
  return rows.map((row) => ({ ...row, endedAt: new Date(row.endedAt) }));
}

export interface WaitingRun {
  number: number;
  title: string;
  why: string;
  /** The cluster is not asked for it yet. */
  isQueued: boolean;
  since: Date;
}

/** Queued, or without a place for its workers; the one that waits longest first. */
export async function waitingRuns(db: Db, teamId: string): Promise<WaitingRun[]> {
  const { rows } = await db.execute<Omit<WaitingRun, "since"> & { since: string }>(sql`
    select r.number, r.title, coalesce(r.progress ->> 'message', 'It has no place on the cluster yet.') as why,
      a.admitted_at is null as "isQueued", a.created_at as since
    from run r join lateral (
      select state, created_at, admitted_at from attempt where run_id = r.id order by number desc limit 1) a on true
    where r.team_id = ${teamId} and r.state in ('queued', 'running') and a.state = 'placing'
    order by a.created_at limit ${MOST_FAILED}`);
  return rows.map((row) => ({ ...row, since: new Date(row.since) }));
}

/** How many runs are under way, and how many of them wait. */
export async function countRuns(db: Db, teamId: string): Promise<{ running: number; queued: number }> {
  const { rows } = await db.execute<{ running: number; queued: number }>(sql`
    select count(*) filter (where state = 'running')::int as running,
           count(*) filter (where state = 'queued')::int as queued
    from run where team_id = ${teamId} and state in ('queued', 'running')`);
  return rows[0] ?? { running: 0, queued: 0 };
}

export interface Change {
  seq: number;
  at: Date;
  /** A person's name, or what did it by itself. */
  actor: string;
  summary: string;
}

/** What was done last, newest first. */
export async function lastChanges(db: Db, teamId: string, limit: number): Promise<Change[]> {
  const { rows } = await db.execute<Omit<Change, "at"> & { at: string }>(sql`
    select e.seq::int as seq, e.created_at as at, coalesce(u.name, e.actor) as actor, e.summary
    from audit_entry e left join "user" u on u.id = e.actor
    where e.team_id = ${teamId} order by e.seq desc limit ${limit}`);
  return rows.map((row) => ({ ...row, at: new Date(row.at) }));
}

const MOST_OF_A_KIND = 6;
/** Fewer letters of a digest say nothing. */
const SHORTEST_DIGEST = 4;

/** Models, versions, runs and datasets by name, number or the start of a digest; the newest of each kind. */
export async function search(db: Db, teamId: string, query: string): Promise<Found[]> {
  const like = containing(query);
  const digest = query.length >= SHORTEST_DIGEST ? startingWith(query) : "";
  const { rows } = await db.execute<Found & Record<string, unknown>>(sql`
    (select 'model' as kind, m.id, m.name as label, m.task as hint, m.name, 0 as number
     from model m where m.team_id = ${teamId} and m.name ilike ${like}
     order by m.updated_at desc limit ${MOST_OF_A_KIND})
    union all
    (select 'version', v.id, m.name || ' v' || v.number, left(v.digest, 7), m.name, v.number
     from version v join model m on m.id = v.model_id
     where v.team_id = ${teamId} and (m.name || ' v' || v.number ilike ${like} or v.digest like ${digest})
     order by v.created_at desc limit ${MOST_OF_A_KIND})
    union all
    (select 'run', r.id, 'run ' || r.number, r.title, '', r.number
     from run r where r.team_id = ${teamId} and (r.title ilike ${like} or 'run ' || r.number ilike ${like})
     order by r.number desc limit ${MOST_OF_A_KIND})
    union all
    (select 'dataset', d.id, d.name, 'dataset', d.name, 0
     from dataset d where d.team_id = ${teamId} and (d.name ilike ${like} or d.digest like ${digest})
     order by d.created_at desc limit ${MOST_OF_A_KIND})`);
  return rows;
}
