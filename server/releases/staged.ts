/** What a version did in staging, for whoever decides whether it serves production. */
import { sql } from "drizzle-orm";
import type { Db } from "../platform/db";

export interface Staged {
  /** When it began to serve there, the first time. */
  since: Date;
  isServing: boolean;
  /** All of the times that it served there. */
  servedMs: number;
  requests: number;
  /** Answered with a 5xx. */
  errors: number;
}

/** Null where it never served staging. */
export async function stagedOf(db: Db, teamId: string, versionId: string): Promise<Staged | null> {
  const { rows } = await db.execute<Omit<Staged, "since"> & { since: string | null }>(sql`
    select s.*, c.* from
      (select min(serving_at) as since, bool_or(state = 'serving') as "isServing",
          extract(epoch from sum(coalesce(replaced_at, now()) - serving_at))::float8 * 1000 as "servedMs"
        from release
        where team_id = ${teamId} and version_id = ${versionId} and environment = 'staging'
          and serving_at is not null) s,
      (select coalesce(sum(requests), 0)::int as requests, coalesce(sum(errors), 0)::int as errors
        from serving_minute
        where team_id = ${teamId} and version_id = ${versionId} and environment = 'staging') c`);
  const [row] = rows;
  return row?.since ? { ...row, since: new Date(row.since) } : null;
}
