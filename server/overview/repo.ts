/** What waits for a person, counted across slices: one read model, no rules. */
import { sql } from "drizzle-orm";
import type { Db } from "../platform/db";

export interface Needs {
  running: number;
  failedRuns: number;
  failedReplicas: number;
  /** Requests that someone else made and nobody has decided. */
  approvals: number;
}

export async function countNeeds(db: Db, teamId: string, personId: string): Promise<Needs> {
  const { rows } = await db.execute<{
    running: number;
    failed_runs: number;
    failed_replicas: number;
    approvals: number;
  }>(sql`
    select
      (select count(*)::int from run where team_id = ${teamId} and kind = 'train' and state in ('queued', 'running')) as running,
      (select count(*)::int from run where team_id = ${teamId} and state = 'failed' and ended_at > now() - interval '1 hour') as failed_runs,
      (select count(*)::int from replica where team_id = ${teamId} and state = 'failed' and undesired_at is null) as failed_replicas,
      (select count(*)::int from promotion_request where team_id = ${teamId} and state = 'open' and requested_by <> ${personId}) as approvals`);
  const row = rows[0];
  if (!row) throw new Error("counting answered no row");
  return {
    running: row.running,
    failedRuns: row.failed_runs,
    failedReplicas: row.failed_replicas,
    approvals: row.approvals,
  };
}
