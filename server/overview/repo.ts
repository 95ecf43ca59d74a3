/** What waits for a person, counted across slices: one read model, no rules. */
import { sql } from "drizzle-orm";
import { containing, type Db, startingWith } from "../platform/db";
import type { Found } from "./contract";

export interface Needs {
  running: number;
  failedRuns: number;
  failedReplicas: number;
}

export async function countNeeds(db: Db, teamId: string): Promise<Needs> {
  const { rows } = await db.execute<{
    running: number;
    failed_runs: number;
    failed_replicas: number;
  }>(sql`
    select
      (select count(*)::int from run where team_id = ${teamId} and kind = 'train' and state in ('queued', 'running')) as running,
      (select count(*)::int from run where team_id = ${teamId} and state = 'failed' and ended_at > now() - interval '1 hour') as failed_runs,
      (select count(*)::int from replica where team_id = ${teamId} and state = 'failed' and undesired_at is null) as failed_replicas`);
  const row = rows[0];
  if (!row) throw new Error("counting answered no row");
  return {
    running: row.running,
    failedRuns: row.failed_runs,
    failedReplicas: row.failed_replicas,
  };
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
