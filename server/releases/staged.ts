/** What a version did in staging, for whoever decides whether it serves production. */
import { sql } from "drizzle-orm";
import type { Db } from "../platform/db";
import type { Gate } from "./contract";
import { type StagingRule, stagingInWords } from "./policy-contract";
import { whole } from "./verdict";

export interface Staged {
  /** When it began to serve there, the first time. */
  since: Date;
  isServing: boolean;
  /** All of the times that it served there. */
  servedMs: number;
  requests: number;
  /** Answered with a 5xx. */
  errors: number;
  /** Its replicas kept ending there, and nobody tried again. */
  isGivenUp: boolean;
}

/** Null where it never served staging. */
export async function stagedOf(db: Db, teamId: string, versionId: string): Promise<Staged | null> {
  const { rows } = await db.execute<Omit<Staged, "since"> & { since: string | null }>(sql`
    select s.*, c.*, exists (select 1 from crash_loop where team_id = ${teamId} and version_id = ${versionId}
        and environment = 'staging' and retried_at is null) as "isGivenUp" from
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

const HOUR_MS = 3_600_000;

/** The gate of a policy that asks for time in staging, at this moment. */
export function stagedGate(rule: StagingRule, staged: Staged | null, now: Date): Gate {
  const gate = { id: "staging", label: stagingInWords(rule), until: null };
  const fails = (value: string, words: string, until: string | null = null): Gate => ({
    ...{ ...gate, state: "fail", value, words, blocks: true, until },
  });
  if (!staged) return fails("never", "It never served staging.");
  const value = `${whole(Math.floor(staged.servedMs / HOUR_MS))} h, ${whole(staged.requests)} requests`;
  if (staged.isGivenUp) return fails(value, "Its replicas in staging were given up.");
  const left = rule.hours * HOUR_MS - staged.servedMs;
  const missing = rule.requests - staged.requests;
  if (missing > 0) return fails(value, `It was asked ${whole(staged.requests)} times in staging.`);
  if (left <= 0) return { ...gate, state: "pass", value, words: "", blocks: false };
  return staged.isServing
    ? fails(
        value,
        `It has served long enough in ${Math.ceil(left / 60_000)} min.`,
        new Date(now.getTime() + left).toISOString(),
      )
    : fails(value, "It does not serve staging any more.");
}
