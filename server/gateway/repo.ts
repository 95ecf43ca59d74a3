/** The gateway's SQL: plain statements on its own small pool, so that its process carries nothing else. */
import type { Pool } from "pg";
import { TIME_SQL } from "../platform/clock";
import { newId } from "../platform/ids";
import { RevisedTable } from "./contract";
import type { Meter, ServingRow } from "./meter";
import type { ShadowRow } from "./shadow-meter";
import type { ServedVersion } from "./table";

/** The database's time, Unix milliseconds. */
export async function askTime(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ ms: number }>(TIME_SQL);
  const [row] = rows;
  if (!row) throw new Error("the database told no time");
  return row.ms;
}

/** The table in force if it is another than `known`; null when nothing changed or nothing was published yet. */
export async function readTable(pool: Pool, known: number): Promise<RevisedTable | null> {
  const { rows } = await pool.query<{ revision: string; routes: unknown }>(
    `select revision, routes from route_table
     where revision = (select max(revision) from route_table) and revision <> $1`,
    [known],
  );
  const [row] = rows;
  return row ? RevisedTable.parse({ ...Object(row.routes), revision: Number(row.revision) }) : null;
}

/** Tells which revision is applied, with an event, so that open pages show the measured time. */
export async function reportApplied(
  pool: Pool,
  report: { gatewayId: string; revision: number; appliedAtMs: number },
): Promise<void> {
  await pool.query(
    `with reported as (
       insert into gateway_report (gateway_id, revision, applied_at_ms) values ($1, $2, $3)
       on conflict (gateway_id, revision) do nothing returning revision)
     insert into event (team_id, topic, key, payload)
       select null, 'releases', 'route:' || revision, '{}' from reported`,
    [report.gatewayId, report.revision, report.appliedAtMs],
  );
  await pool.query("notify lathe_outbox");
}

/** Asks the controller for a replica of a version that sleeps, and tells open pages; answers the wake's id. */
export async function insertWake(pool: Pool, gatewayId: string, served: ServedVersion): Promise<string> {
  const { teamId, modelId, environment, version } = served;
  const id = newId("wak");
  await pool.query(
    `with woken as (
       insert into wake (id, team_id, model_id, version_id, gateway_id, environment) values ($1, $2, $3, $4, $5, $6))
     insert into event (team_id, topic, key, payload) values ($2, 'releases', $3, '{}')`,
    [id, teamId, modelId, version.id, gatewayId, environment],
  );
  await pool.query("notify lathe_outbox");
  return id;
}

/** Keeps how long a version took to wake, ms. */
export async function storeColdStart(
  pool: Pool,
  { teamId, modelId }: ServedVersion,
  wake: { id: string; coldStartMs: number },
): Promise<void> {
  await pool.query(
    `with woken as (update wake set cold_start_ms = $1 where id = $2 and team_id = $3)
     insert into event (team_id, topic, key, payload) values ($3, 'releases', $4, '{}')`,
    [wake.coldStartMs, wake.id, teamId, modelId],
  );
  await pool.query("notify lathe_outbox");
}

/** Stores what was counted since the last time; each table that could not be written is counted again. */
export async function storeCounts(pool: Pool, gatewayId: string, meter: Meter, now: number): Promise<void> {
  const windows = {
    take: (at: number) => meter.takeWindows(at),
    putBack: meter.windows.putBack.bind(meter.windows),
  };
  await Promise.all([
    move(meter.minutes, now, (rows) => addMinutes(pool, gatewayId, rows)),
    move(windows, now, (rows) => addWindows(pool, gatewayId, rows)),
    move(meter.shadow.minutes, now, (rows) => addShadow(pool, gatewayId, rows)),
  ]);
}

async function move<Row>(
  counted: { take(now: number): Row[]; putBack(rows: readonly Row[]): void },
  now: number,
  store: (rows: readonly Row[]) => Promise<void>,
): Promise<void> {
  const rows = counted.take(now);
  if (rows.length === 0) return;
  await store(rows).catch((error: unknown) => {
    counted.putBack(rows);
    throw error;
  });
}

const column =
  <Row>(rows: readonly Row[]) =>
  <K extends keyof Row>(key: K) =>
    rows.map((row) => row[key]);

async function addMinutes(pool: Pool, gatewayId: string, rows: readonly ServingRow[]): Promise<void> {
  await pool.query(
    `insert into serving_minute as held (team_id, model_id, version_id, environment, gateway_id, minute, requests, errors, p50_us,
       p99_us)
     select team, model, version, environment, $1, at, requests, errors, p50, p99
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::int[], $8::int[], $9::int[], $10::int[])
       as t (team, model, version, environment, at, requests, errors, p50, p99)
     on conflict (model_id, version_id, environment, gateway_id, minute) do update set
       requests = held.requests + excluded.requests, errors = held.errors + excluded.errors,
       p50_us = excluded.p50_us, p99_us = excluded.p99_us`,
    [gatewayId, ...servingColumns(rows)],
  );
}

async function addWindows(pool: Pool, gatewayId: string, rows: readonly ServingRow[]): Promise<void> {
  await pool.query(
    `insert into serving_window as held (team_id, model_id, version_id, environment, gateway_id, at, requests, errors, p50_us,
       p99_us, in_flight)
     select team, model, version, environment, $1, at, requests, errors, p50, p99, in_flight
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::int[], $8::int[], $9::int[], $10::int[],
         $11::float8[])
       as t (team, model, version, environment, at, requests, errors, p50, p99, in_flight)
     on conflict (model_id, version_id, environment, gateway_id, at) do update set
       requests = held.requests + excluded.requests, errors = held.errors + excluded.errors,
       p50_us = excluded.p50_us, p99_us = excluded.p99_us, in_flight = held.in_flight + excluded.in_flight`,
    [gatewayId, ...servingColumns(rows), column(rows)("inFlight")],
  );
}

function servingColumns(rows: readonly ServingRow[]) {
  const of = column(rows);
  return [
    of("teamId"),
    of("modelId"),
    of("versionId"),
    of("environment"),
    of("at"),
    of("requests"),
    of("errors"),
    of("p50Us"),
    of("p99Us"),
  ];
}

async function addShadow(pool: Pool, gatewayId: string, rows: readonly ShadowRow[]): Promise<void> {
  const of = column(rows);
  await pool.query(
    `insert into shadow_minute as held (team_id, model_id, version_id, environment, reference_id, gateway_id, minute,
       compared, agreed, not_compared, dropped, p50_us, p99_us, reference_p50_us, reference_p99_us)
     select team, model, version, environment, reference, $1, at, compared, agreed, not_compared, dropped, p50, p99, rp50, rp99
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::int[], $9::int[],
         $10::int[], $11::int[], $12::int[], $13::int[], $14::int[], $15::int[])
       as t (team, model, version, environment, reference, at, compared, agreed, not_compared, dropped, p50, p99, rp50, rp99)
     on conflict (model_id, version_id, reference_id, environment, gateway_id, minute) do update set
       compared = held.compared + excluded.compared, agreed = held.agreed + excluded.agreed,
       not_compared = held.not_compared + excluded.not_compared, dropped = held.dropped + excluded.dropped,
       p50_us = excluded.p50_us, p99_us = excluded.p99_us,
       reference_p50_us = excluded.reference_p50_us, reference_p99_us = excluded.reference_p99_us`,
    [
      gatewayId,
      of("teamId"),
      of("modelId"),
      of("versionId"),
      of("environment"),
      of("referenceId"),
      of("at"),
      of("compared"),
      of("agreed"),
      of("notCompared"),
      of("dropped"),
      of("p50Us"),
      of("p99Us"),
      of("referenceP50Us"),
      of("referenceP99Us"),
    ],
  );
}
