/** Where the metrics of runs stand: the newest value of each, without reading their points. */
import { sql } from "drizzle-orm";
import type { z } from "zod";
import type { TeamContext } from "../platform/context";
import type { Db } from "../platform/db";
import { among, amongNumbers } from "./among";
import { finite, isLogged } from "./metrics";
import { runsByNumber } from "./reads";
import type { NewestOfRuns } from "./screens";

/** Names that a menu offers at most. */
const OFFERED = 40;

export interface Newest {
  name: string;
  step: number;
  /** Null where it was not finite. */
  value: number | null;
}

/**
 * Of each metric of rank 0 the newest point of the newest attempt that logged it, by run.
 *
 * @param names only these; all without them
 */
export async function newestMetrics(
  db: Db,
  runIds: readonly string[],
  names: readonly string[] | null = null,
): Promise<Map<string, Newest[]>> {
  const isWanted = names ? sql`and s.name in (${among(names)})` : sql``;
  const { rows } = await db.execute<{ run_id: string; name: string; step: number; value: number }>(sql`
    select distinct on (s.run_id, s.name) s.run_id, s.name, r.last_step::float8 as step, r.last as value
    from series s
    join attempt a on a.id = s.attempt_id
    cross join lateral (
      select last_step, last from rollup where series_id = s.id order by bucket desc limit 1
    ) r
    where s.run_id in (${among(runIds)}) and s.rank = 0 and ${isLogged} ${isWanted}
    order by s.run_id, s.name, a.number desc`);
  const byRun = new Map<string, Newest[]>();
  for (const { run_id, name, step, value } of rows) {
    const known = byRun.get(run_id) ?? [];
    known.push({ name, step, value: finite(value) });
    byRun.set(run_id, known);
  }
  return byRun;
}

/** Rows of a list: where these metrics of them stand. @throws NotFound naming the runs that are not there */
export async function newestOfRuns(ctx: TeamContext, { runs, names }: z.infer<typeof NewestOfRuns>) {
  const found = await runsByNumber(ctx.db, ctx.teamId, runs);
  const newest = await newestMetrics(
    ctx.db,
    found.map(({ id }) => id),
    names,
  );
  return found.map(({ id, number }) => ({ run: number, metrics: newest.get(id) ?? [] }));
}

/** Names of metrics that these runs logged, those of most runs first. */
export async function metricNames(ctx: TeamContext, numbers: readonly number[]): Promise<string[]> {
  const { rows } = await ctx.db.execute<{ name: string }>(sql`
    select s.name from series s join run r on r.id = s.run_id
    where r.team_id = ${ctx.teamId} and ${isLogged}
      and r.number in (${amongNumbers(numbers)})
    group by s.name order by count(distinct s.run_id) desc, s.name limit ${OFFERED}`);
  return rows.map(({ name }) => name);
}
