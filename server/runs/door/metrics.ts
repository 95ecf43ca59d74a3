/**
 * Ingestion of metrics, synchronously committed, so that every point that was acknowledged survives a crash of the
 * database. Batches of one attempt that arrive together are written together: side by side they would only wait for each
 * other.
 */
import { sql } from "drizzle-orm";
import type { z } from "zod";
import type { Database, Db } from "../../platform/db";
import { tellNews } from "../../platform/live/relay";
import { singleton } from "../../platform/singleton";
import type { MetricsReport } from "../contract";
import { type SeriesPoint, storePoints } from "../points/store";
import { Gatherer } from "./gather";
import type { AttemptOwner } from "./owner";

const CACHED_SERIES = 50_000;
/** Points of one transaction. */
const WRITTEN_AT_ONCE = 8_000;

type Points = z.infer<typeof MetricsReport>["points"];
type Key = { rank: number; name: string };

/** Stores points of an attempt: when this resolves they are kept. */
export async function ingestMetrics(db: Database, owner: AttemptOwner, points: Points): Promise<void> {
  if (points.length === 0) return;
  const ids = await seriesIds(db, owner, points);
  const { id, runId } = owner;
  const own = points.map(
    (p): SeriesPoint => ({
      series: idOf(ids, id, p),
      step: p.step,
      ts: p.ts,
      value: p.value ?? Number.NaN,
    }),
  );
  const writer =
    writers().get(id) ??
    new Gatherer<SeriesPoint>(async (all) => {
      if ((await storePoints(db, id, all)) > 0) tellNews(runId, "metrics");
    }, WRITTEN_AT_ONCE);
  writers().set(id, writer);
  try {
    await writer.add(own);
  } finally {
    if (writer.isIdle && writers().get(id) === writer) writers().delete(id);
  }
}

const writers = () => singleton("runs.point-writers", () => new Map<string, Gatherer<SeriesPoint>>());

const cache = () => singleton("runs.series", () => new Map<string, number>());
const cacheKey = (attemptId: string, { rank, name }: Key) => `${attemptId} ${rank} ${name}`;

function idOf(ids: Map<string, number>, attemptId: string, key: Key): number {
  const id = ids.get(cacheKey(attemptId, key));
  if (id === undefined) throw new Error(`series ${key.name} of rank ${key.rank} has no id`);
  return id;
}

/** The ids of the series that `points` belong to, made where they are missing. */
async function seriesIds(db: Db, owner: AttemptOwner, points: Points): Promise<Map<string, number>> {
  const known = cache();
  const missing = new Map<string, Key>();
  for (const { rank, name } of points) {
    const key = cacheKey(owner.id, { rank, name });
    if (!known.has(key)) missing.set(key, { rank, name });
  }
  if (missing.size === 0) return known;
  if (known.size > CACHED_SERIES) known.clear();
  const wanted = JSON.stringify([...missing.values()]);
  await db.execute(sql`
    insert into series (run_id, attempt_id, rank, name)
    select ${owner.runId}, ${owner.id}, w.rank, w.name
    from jsonb_to_recordset(${wanted}::jsonb) as w (rank smallint, name text) order by 3, 4
    on conflict do nothing`);
  const { rows } = await db.execute<{ id: string; rank: number; name: string }>(sql`
    select id, rank, name from series where attempt_id = ${owner.id}`);
  for (const row of rows) known.set(cacheKey(owner.id, row), Number(row.id));
  return known;
}
