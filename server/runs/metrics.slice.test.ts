import { sql } from "drizzle-orm";
import fc from "fast-check";
import { expect, it } from "vitest";
import { testConsole } from "../platform/testing/console";
import { ingestMetrics } from "./door/metrics";
import type { AttemptOwner } from "./door/owner";
import { listSeries, readMetric, readUse } from "./metrics";
import { attemptsOf, getRun } from "./reads";
import { MetricsQuery } from "./screens";
import { makeTeam, queue } from "./testing";

const connection = testConsole();

const Point = fc.record({
  name: fc.constantFrom("loss", "accuracy"),
  rank: fc.integer({ min: 0, max: 1 }),
  step: fc.integer({ min: 0, max: 3000 }),
  ts: fc.integer({ min: 0, max: 5 }),
  // Whole numbers: their sums are exact in any order.
  value: fc.option(fc.integer({ min: -1000, max: 1000 }), { freq: 10 }),
});
/** Batches, and the order in which they arrive, some of them more than once. */
const Deliveries = fc
  .array(fc.array(Point, { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 6 })
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
      const { rows } = await connection.db.execute(sql`
        with own as (select id from series where attempt_id = ${who.id}), truth as (
          select series_id, level, step / level as bucket, count(*)::int as n, min(value), max(value), sum(value),
                 (array_agg(value order by step desc, ts desc, value desc))[1] as last, max(step) as last_step,
                 (array_agg(ts order by step desc, ts desc))[1] as last_ts
          from point, unnest(array[64, 1024]::bigint[]) as l (level)
          where series_id in (select id from own) group by 1, 2, 3
        ), kept as (
          select series_id, level::bigint, bucket, n, min, max, sum, last, last_step, last_ts
          from rollup where series_id in (select id from own)
        )
        (select 'lacking', * from truth except select 'lacking', * from kept)
        union all (select 'wrong', * from kept except select 'wrong', * from truth)`);
      expect(rows).toEqual([]);
    }),
    { numRuns: 60 },
  );
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
  const run = await getRun(connection.db, who.teamId, who.runId);
  const attempts = await attemptsOf(connection.db, who.runId);
  const levels = new Set<number>();
  for (const [width, from, to] of [
    [50, undefined, undefined],
    [800, undefined, undefined],
    [800, 77_000, 78_000],
  ] as const) {
    const query = MetricsQuery.parse({ run: 1, name: "loss", width, from, to });
    const answer = await readMetric(connection.db, run, attempts, query);
    const buckets = answer.series.flatMap((s) => s.buckets);
    levels.add(answer.level);
    expect(buckets.length).toBeLessThanOrEqual(width);
    expect(Math.max(...buckets.map((b) => b.max ?? 0))).toBe(1e6);
    if (from === undefined) expect(buckets.reduce((sum, b) => sum + b.n, 0)).toBe(100_000);
  }
  expect([...levels].sort()).toEqual([1, 1024, 64]);
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
