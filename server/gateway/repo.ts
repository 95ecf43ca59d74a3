/** The gateway's SQL: plain statements on its own small pool, so that its process carries nothing else. */
import type { Pool } from "pg";
import { RevisedTable } from "./contract";
import type { MinuteRow } from "./meter";

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

export async function addMinutes(pool: Pool, gatewayId: string, rows: readonly MinuteRow[]): Promise<void> {
  const column = <K extends keyof MinuteRow>(key: K) => rows.map((row) => row[key]);
  await pool.query(
    `insert into serving_minute (team_id, model_id, version_id, gateway_id, minute, requests, errors, p50_us, p99_us)
     select team, model, version, $1, minute, requests, errors, p50, p99
     from unnest($2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::int[], $7::int[], $8::int[], $9::int[])
       as t (team, model, version, minute, requests, errors, p50, p99)
     on conflict (model_id, version_id, gateway_id, minute) do update set
       requests = serving_minute.requests + excluded.requests, errors = serving_minute.errors + excluded.errors,
       p50_us = excluded.p50_us, p99_us = excluded.p99_us`,
    [
      gatewayId,
      column("teamId"),
      column("modelId"),
      column("versionId"),
      column("minute"),
      column("requests"),
      column("errors"),
      column("p50Us"),
      column("p99Us"),
    ],
  );
}
