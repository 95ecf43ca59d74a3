import { eq, inArray, sql } from "drizzle-orm";
import fc from "fast-check";
import { expect, it } from "vitest";
import { chunk, rollup, run, series } from "../../db/schema/runs";
import { testConsole } from "../platform/testing/console";
import { ingestMetrics } from "./door/metrics";
import type { AttemptOwner } from "./door/owner";
import { listSeries, readMetric, readUse } from "./metrics";
import { COARSE, FINE, MOST_POINTS, ordered, type Point, summarise, unpack } from "./points/chunk";
import { compactPoints } from "./points/compact";
import { storePoints } from "./points/store";
import { attemptsOf, getRun } from "./reads";
import { MetricsQuery } from "./screens";
import { makeTeam, queue } from "./testing";

const connection = testConsole();

const Reported = fc.record({
  name: fc.constantFrom("loss", "accuracy"),
  rank: fc.integer({ min: 0, max: 1 }),
  step: fc.integer({ min: 0, max: 3000 }),
  ts: fc.integer({ min: 0, max: 5 }),
  // Whole numbers: their sums are exact in any order.
  value: fc.option(fc.integer({ min: -1000, max: 1000 }), { freq: 10 }),
});
/** Batches, and the order in which they arrive, some of them more than once. */
const Deliveries = fc
  .array(fc.array(Reported, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 6 })
  .chain((batches) =>
    fc
      .shuffledSubarray([...batches, ...batches, ...batches], { minLength: batches.length })
      .map((again) => [...batches, ...again]),
  );

async function owner(): Promise<AttemptOwner> {
  const ctx = await makeTeam(connection.db);
  const queued = await queue(ctx);
  return { purpose: "attempt", id: queued.attempt.id, teamId: ctx.teamId, runId: queued.id };
}

it("a rollup is what its points say, whatever is replayed, in whatever order, one by one or at once", async () => {
  await fc.assert(
    fc.asyncProperty(Deliveries, fc.boolean(), async (deliveries, atOnce) => {
      const who = await owner();
      if (atOnce) await Promise.all(deliveries.map((batch) => ingestMetrics(connection.db, who, batch)));
      else for (const batch of deliveries) await ingestMetrics(connection.db, who, batch);
      const sent = new Map(deliveries.flat().map((point) => [`${point.rank} ${point.name}`, [] as Point[]]));
      for (const { rank, name, step, ts, value } of deliveries.flat())
        sent.get(`${rank} ${name}`)?.push({ step, ts, value: value ?? Number.NaN });
      const truth = [...sent].map(([key, points]) => [key, ordered(points)] as const);
      expect(await storedOf(who)).toEqual({
        points: new Map(truth),
        fine: new Map(truth.map(([key, points]) => [key, rolled(points, FINE)])),
        coarse: new Map(truth.map(([key, points]) => [key, rolled(points, COARSE)])),
      });
    }),
    { numRuns: 60 },
  );
});

/** Summaries of points, recomputed, by bucket. */
function rolled(points: readonly Point[], level: number): object[] {
  const buckets = new Map<number, Point[]>();
  for (const point of points) {
    const bucket = Math.floor(point.step / level);
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), point]);
  }
  return [...buckets].map(([bucket, of]) => ({ bucket, ...summarise(of) }));
}

/** What the tables hold of an attempt, by rank and name. */
async function storedOf(who: AttemptOwner) {
  const { db } = connection;
  const all = await db.select().from(series).where(eq(series.attemptId, who.id));
  const ids = all.map(({ id }) => id);
  const keyOf = new Map(all.map(({ id, rank, name }) => [id, `${rank} ${name}`]));
  const chunks = await db
    .select()
    .from(chunk)
    .where(inArray(chunk.seriesId, ids))
    .orderBy(chunk.seriesId, chunk.bucket, chunk.part);
  const rollups = await db
    .select()
    .from(rollup)
    .where(inArray(rollup.seriesId, ids))
    .orderBy(rollup.seriesId, rollup.bucket);
  const grouped = <T extends { seriesId: number }, R>(rows: T[], of: (row: T) => R[]) => {
    const groups = new Map<string, R[]>();
    for (const row of rows) {
      const key = keyOf.get(row.seriesId) ?? "";
      groups.set(key, [...(groups.get(key) ?? []), ...of(row)]);
    }
    return groups;
  };
  return {
    points: grouped(chunks, ({ body }) => (body ? unpack(body) : [])),
    fine: grouped(chunks, ({ seriesId, part, body, ...summary }) => [summary]),
    coarse: grouped(rollups, ({ seriesId, ...summary }) => [summary]),
  };
}

it("writers of other processes wait for one another, and lose nothing", async () => {
  const who = await owner();
  await ingestMetrics(connection.db, who, [{ name: "loss", rank: 0, step: 0, ts: 0, value: 0 }]);
  const [own] = await connection.db.select().from(series).where(eq(series.attemptId, who.id));
  const writers = Array.from({ length: 8 }, (_, writer) =>
    Array.from({ length: 200 }, (_, i) => ({ series: own?.id ?? 0, step: 8 * i + writer, ts: 0, value: 1 })),
  );
  // Past the gatherer, which knows only of this process.
  await Promise.all(
    writers.map(async (points) => {
      for (let at = 0; at < points.length; at += 20)
        await storePoints(connection.db, who.id, points.slice(at, at + 20));
    }),
  );
  const { points, coarse } = await storedOf(who);
  expect(points.get("0 loss")).toHaveLength(1601);
  expect(coarse.get("0 loss")).toMatchObject([{ n: 1025 }, { n: 576 }]);
});

it("a replay writes nothing", async () => {
  const who = await owner();
  const batch = Array.from({ length: 500 }, (_, step) => ({
    name: "loss",
    rank: 0,
    step,
    ts: 1,
    value: step,
  }));
  const versions = async () =>
    (await connection.db.execute(sql`select xmin from chunk union all select xmin from rollup`)).rows;
  await ingestMetrics(connection.db, who, batch);
  const before = await versions();
  await ingestMetrics(connection.db, who, batch);
  expect(await versions()).toEqual(before);
});

it("many points at one step stay in chunks of a bounded size, each once", async () => {
  const who = await owner();
  const at = (from: number) =>
    Array.from({ length: 300 }, (_, i) => ({ name: "loss", rank: 0, step: 0, ts: from + i, value: 1 }));
  for (const from of [0, 300, 150, 600]) await ingestMetrics(connection.db, who, at(from));
  const { points, fine } = await storedOf(who);
  expect(points.get("0 loss")?.map(({ ts }) => ts)).toEqual(Array.from({ length: 900 }, (_, ts) => ts));
  expect(Math.max(...(fine.get("0 loss") ?? []).map((row) => row.n))).toBe(MOST_POINTS);
});

it("a chart gets at most its width in buckets, and a spike survives at every level", async () => {
  const who = await owner();
  const spike = 77_777;
  const all = Array.from({ length: 100_000 }, (_, step) => ({
    name: "loss",
    rank: 0,
    step,
    ts: step,
    value: step === spike ? 1e6 : 1,
  }));
  for (let at = 0; at < all.length; at += 10_000)
    await ingestMetrics(connection.db, who, all.slice(at, at + 10_000));
  const own = await getRun(connection.db, who.teamId, who.runId);
  const attempts = await attemptsOf(connection.db, who.runId);
  const levels = new Set<number>();
  for (const [width, from, to] of [
    [50, undefined, undefined],
    [800, undefined, undefined],
    [800, 77_000, 78_000],
  ] as const) {
    const query = MetricsQuery.parse({ run: 1, name: "loss", width, from, to });
    const answer = await readMetric(connection.db, own, attempts, query);
    const buckets = answer.series.flatMap((s) => s.buckets);
    levels.add(answer.level);
    expect(buckets.length).toBeLessThanOrEqual(width);
    expect(Math.max(...buckets.map((b) => b.max ?? 0))).toBe(1e6);
    if (from === undefined) expect(buckets.reduce((sum, b) => sum + b.n, 0)).toBe(100_000);
  }
  expect([...levels].sort()).toEqual([1, 1024, 64]);
});

it("of a run that ended long ago summaries are left, and a chart says so", async () => {
  const [old, young] = [await owner(), await owner()];
  const points = Array.from({ length: 300 }, (_, step) => ({
    name: "loss",
    rank: 0,
    step,
    ts: step,
    value: step === 77 ? 99 : 1,
  }));
  for (const who of [old, young]) await ingestMetrics(connection.db, who, points);
  for (const [{ runId }, days] of [
    [old, 8],
    [young, 6],
  ] as const)
    await connection.db
      .update(run)
      .set({ state: "stopped", endedAt: new Date(Date.now() - days * 86_400_000) })
      .where(eq(run.id, runId));
  const chartOf = async (who: AttemptOwner) => {
    const { level, series } = await readMetric(
      connection.db,
      await getRun(connection.db, who.teamId, who.runId),
      await attemptsOf(connection.db, who.runId),
      MetricsQuery.parse({ run: 1, name: "loss" }),
    );
    const buckets = series.flatMap((line) => line.buckets);
    const n = buckets.reduce((sum, bucket) => sum + bucket.n, 0);
    return { level, n, lines: buckets.length, max: Math.max(...buckets.map(({ max }) => max ?? 0)) };
  };
  const whole = { level: 1, n: 300, lines: 300, max: 99 };
  const noFence = async () => {};
  await compactPoints(connection.db, noFence, null);
  expect(await chartOf(old)).toEqual(whole);
  for (let time = 0; time < 2; time += 1) await compactPoints(connection.db, noFence, 7);
  expect([await chartOf(old), await chartOf(young)]).toEqual([{ ...whole, level: 64, lines: 5 }, whole]);
});

it("what workers use is told rank by rank, newest last, and is no metric of the run", async () => {
  const who = await owner();
  const used = (rank: number, step: number, value: number) => ({
    name: "worker/cpu_percent",
    rank,
    step,
    ts: step * 1000,
    value,
  });
  await ingestMetrics(connection.db, who, [used(1, 6, 80), used(0, 1, 95), used(1, 1, 70)]);
  await ingestMetrics(connection.db, who, [{ name: "loss", rank: 0, step: 1, ts: 1, value: 2 }]);
  expect(await readUse(connection.db, who.id)).toMatchObject([
    { rank: 0, cpuPercent: [95], gpuPercent: [] },
    { rank: 1, cpuPercent: [70, 80], memoryBytes: [] },
  ]);
  expect((await listSeries(connection.db, who.runId)).map(({ name }) => name)).toEqual(["loss"]);
});
