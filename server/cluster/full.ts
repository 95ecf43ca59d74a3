/** What of a cluster is full, or soon will be: disks of its nodes, and room for what waits. */
import { sql } from "drizzle-orm";
import { defaultClusterId } from "../engine/service";
import type { Db } from "../platform/db";
import { type DiskSample, fillRate } from "../platform/disks";
import { groupBy } from "../platform/group-by";
import { waitingOf } from "./waits";

/** Of each node that is up and was read within a quarter of an hour. */
export async function disksOfNodes(db: Db) {
  const clusterId = await defaultClusterId(db);
  const { rows } = await db.execute<{
    id: string;
    name: string;
    size: number;
    samples: [at: number, used: number][];
  }>(sql`
    select n.id, n.name, (n.observed ->> 'diskBytes')::float8 as size,
      json_agg(json_build_array(extract(epoch from u.at) * 1000, u.used) order by u.at) as samples
    from node n cross join lateral (
      (select at, mean[3] as used from node_usage
       where serial = n.serial and level = 60 and at > now() - interval '15 minutes' order by at desc limit 1)
      union all
      (select at, mean[3] from node_usage
       where serial = n.serial and level = 60 and at between now() - interval '2 hours' and now() - interval '62 minutes'
       order by at desc limit 1)
      union all
      (select at, mean[3] from node_usage
       where serial = n.serial and level = 60 and at > now() - interval '6 hours' order by at limit 1)) u
    where n.cluster_id = ${clusterId} and n.state <> 'gone' and u.used is not null
      and (n.observed ->> 'diskBytes')::float8 > 0
    group by n.id having max(u.at) > now() - interval '15 minutes'`);
  return rows.map(({ id, name, size, samples }) => {
    const known = samples.map(([at, usedBytes]): DiskSample => ({ at, usedBytes }));
    const usedBytes = known.at(-1)?.usedBytes ?? 0;
    const path = `/cluster?node=${id}`;
    return { id, name, path, usedBytes, sizeBytes: size, bytesPerHour: fillRate(known) };
  });
}

/** By team, what of it waits although every pool that it fits has all the nodes that it may have; the oldest first. */
export async function waitingAtLimit(db: Db, teamIds: readonly string[]) {
  const found = (await waitingOf(db, teamIds))
    .filter(({ why }) => why.cause === "limit")
    .map(({ teamId, id, label, path, why, since }) => ({
      ...{ teamId, id, label, path: `/${path}`, why: why.says, since },
    }))
    .sort((a, b) => a.since.getTime() - b.since.getTime());
  return groupBy(found, ({ teamId }) => teamId);
}
