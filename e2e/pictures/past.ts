/** Days that went by before a picture is taken: capacity, decisions, spending, traffic. */
import { sql } from "drizzle-orm";
import { servingMinute } from "../../db/schema/releases";
import { sumUp } from "../../server/cost/sums";
import { random } from "../../server/engine/fake-cluster";
import { defaultClusterId } from "../../server/engine/service";
import type { Database } from "../../server/platform/db";
import { arrange, type World } from "./world";

const MINUTE_MS = 60_000;

export interface PoolOf {
  name: string;
  resources: Record<string, number>;
  max: number;
  price: number | null;
}

export async function makePools(db: Database, pools: readonly PoolOf[]): Promise<void> {
  const clusterId = await defaultClusterId(db);
  await arrange(
    db,
    sql`delete from pool where not name = any(${sql.param(pools.map(({ name }) => name))})`,
    ...pools.map(
      ({ name, resources, max, price }) => sql`
        insert into pool (id, cluster_id, name, min, max, idle_seconds, resources, price_per_hour, edited_at)
        values (${`pool_${name}`}, ${clusterId}, ${name}, 0, ${max}, 600, ${JSON.stringify(resources)}, ${price}, now())
        on conflict (cluster_id, name) do update set max = excluded.max, resources = excluded.resources,
          price_per_hour = excluded.price_per_hour, edited_at = excluded.edited_at`,
    ),
  );
}

/** Capacity and demand every ten minutes of a day, and 40 decisions of every cause with what came of them. */
export async function makeLedger(db: Database, pool: string): Promise<void> {
  const clusterId = await defaultClusterId(db);
  await arrange(
    db,
    sql`insert into capacity_change (cluster_id, at, nodes, cpus, cpus_used, cpus_wanted, gpus, gpus_used, gpus_wanted)
      select ${clusterId}, now() - i * interval '10 minutes', 4 + i % 5, 16 * (4 + i % 5), 12 * (4 + i % 5),
        12 * (4 + i % 5) + 16 * (i * 7 % 3), 0, 0, 0 from generate_series(1, 144) i`,
    sql`insert into scaling_decision (cluster_id, at, direction, pool, requested, achieved, achieved_at, reason, demand,
        node_ids, cause, useful_at, cooldown_seconds, failures, failed_at, failure, retry_at)
      select ${clusterId}, now() - i * interval '25 minutes', case when i % 7 < 3 then 'up' else 'down' end, ${pool},
        case when i % 7 < 3 then 1 + i % 4 else 1 end, case when i = 2 then 0 when i % 7 < 3 then 1 + i % 4 else 1 end,
        now() - i * interval '25 minutes' + interval '42 seconds',
        case i % 7 when 0 then 'run ' || (200 + i) || ' asks for 4 × 4 CPUs; no node has 4 free'
          when 1 then 'at least 2 are kept' when 2 then 'studio session of garment-cls v3 asks for 2 CPUs'
          when 3 then 'had nothing to do for 10 min' when 4 then 'drained by Mei Tanaka: its disk fails'
          when 5 then 'taken away by whoever lends it' else 'Ray lost it: its raylet ended with signal 9' end,
        '{"demands":[{"shape":{"CPU":4},"count":4,"owner":null}]}', '{}',
        (array['demand','minimum','demand','idle','drained','preempted','lost'])[1 + i % 7],
        case when i % 7 < 3 then now() - i * interval '25 minutes' + interval '70 seconds' end,
        case when i % 7 = 3 then 600 end, case when i = 2 then 3 else 0 end, case when i = 2 then now() end,
        case when i = 2 then 'InsufficientInstanceCapacity: the provider has no more of these in eu-central-1b.' end,
        case when i = 2 then now() + interval '5 minutes' end
      from generate_series(40, 1, -1) i`,
  );
}

/** Nodes of a week that are gone, one to four at a time: what a replay plays. */
export async function makeWeek(db: Database, pool: string): Promise<void> {
  const clusterId = await defaultClusterId(db);
  const began = sql`now() - i * interval '4 hours'`;
  const nodes = sql`generate_series(1, 42) i cross join lateral generate_series(1, 1 + i * 7 % 4) j`;
  const left = sql`${began} + interval '2 hours 40 minutes'`;
  await arrange(
    db,
    sql`insert into node (id, cluster_id, node_id, name, pool, is_head, state, state_since, cpus, gpus, memory_bytes,
        price_per_hour, observed, started_at, ended_at, end_reason)
      select 'node_past' || i || '_' || j, ${clusterId}, 'past' || i || '_' || j, ${pool} || '-past-' || i || '-' || j, ${pool},
        false, 'gone', ${began} + interval '3 hours', 16, 0, 34359738368, 0.71, '{}', ${began},
        ${began} + interval '3 hours', 'idle' from ${nodes}`,
    sql`insert into node_interval (cluster_id, node_id, state, since, until)
      select ${clusterId}, 'past' || i || '_' || j, 'active', ${began}, ${left} from ${nodes}`,
    sql`insert into node_interval (cluster_id, node_id, state, since, until)
      select ${clusterId}, 'past' || i || '_' || j, 'idle', ${left}, ${began} + interval '3 hours' from ${nodes}`,
  );
}

/** A month of closed books until yesterday, by a run, a session, a replica and idle nodes a day. */
export async function makeSpending({ db, members }: World, perDay: number, pool: string): Promise<void> {
  const clusterId = await defaultClusterId(db);
  const { teamId } = members.ines;
  const days = sql`generate_series(date_trunc('month', now() at time zone 'UTC'),
    date_trunc('day', now() at time zone 'UTC') - interval '1 day', interval '1 day') d`;
  const micros = Math.round(perDay * 1e6);
  const ofKind = (kind: string, work: string, share: number, owner: string) => sql`
    insert into spend (cluster_id, day, pool, kind, work, team_id, micros, node_ms, unpriced_ms)
    select ${clusterId}, d::date, ${pool}, ${kind}, ${work}, ${owner},
      (${micros * share}::float8 * (0.6 + (extract(day from d)::int * 7 % 10) / 12.0))::bigint, 7200000, 0 from ${days}`;
  const version = members.versions[0]?.id ?? "";
  await arrange(
    db,
    sql`delete from spend`,
    sql`delete from spend_pool`,
    ofKind("train", "run_gone", 0.5, teamId),
    ofKind("replica", version, 0.3, teamId),
    ofKind("session", "ses_gone", 0.2, teamId),
    ofKind("idle", "", 0.4, ""),
    ofKind("script", "run_others", 0.6, "team_others"),
    sql`insert into spend_day (cluster_id, day, until, is_closed) select ${clusterId}, d::date, d + interval '1 day', true
      from ${days} on conflict (cluster_id, day) do update set is_closed = true`,
  );
  const { rows } = await db.execute<{ day: string }>(sql`select distinct day::text from spend`);
  for (const { day } of rows) await sumUp(db, clusterId, day);
}

/** An hour of requests of what serves, whose last minutes are `factor` times slower and fail by a share. */
export async function makeTraffic(
  db: Database,
  of: { teamId: string; modelId: string; versionId: string },
  { perMinute = 1_800, factor = 1, failing = 0, seed = 1 } = {},
): Promise<void> {
  const next = random(seed);
  const minute = (ago: number) => new Date((Math.floor(Date.now() / MINUTE_MS) - ago) * MINUTE_MS);
  await db.insert(servingMinute).values(
    Array.from({ length: 60 }, (_, ago) => {
      const isRecent = ago < 4;
      const requests = Math.round(perMinute * (0.9 + 0.2 * next()));
      return {
        ...{ ...of, gatewayId: "gw-picture", minute: minute(ago), requests },
        errors: isRecent ? Math.round(requests * failing) : 0,
        p50Us: 9_000,
        p99Us: Math.round(52_000 * (0.9 + 0.2 * next()) * (isRecent ? factor : 1)),
      };
    }),
  );
}

/** What a node used in the last hour, by the minute. */
export const makeUsage = (db: Database, serial: number): Promise<void> =>
  arrange(
    db,
    sql`insert into node_usage (serial, level, at, mean, peak)
      select ${serial}, 60, date_trunc('minute', now()) - i * interval '1 minute',
        array[700 + 300 * sin(i / 5.0), 2e10 + 1e9 * i % 7, 3e11, 2e7, 1e7]::real[],
        array[1100 + 300 * sin(i / 5.0), 2.3e10, 3e11, 4e7, 2e7]::real[]
      from generate_series(1, 60) i where i not between 20 and 25 on conflict do nothing`,
  );
