import { eq } from "drizzle-orm";
import { beforeEach, expect, it } from "vitest";
import { attempt, runParam } from "../../db/schema/runs";
import { makeEngineer } from "../identity/testing";
import type { TeamContext } from "../platform/context";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { compare, compareMetric, levelOf } from "./comparison";
import { ingestMetrics } from "./door/metrics";
import { MAX_COMPARED_RUNS } from "./list-contract";
import * as screens from "./screen-service";
import { CompareMetric, CompareRuns, ListRuns } from "./screens";
import { makeTeam, queue } from "./testing";

const connection = testConsole();
let ctx: TeamContext;

beforeEach(async () => {
  ctx = await makeTeam(connection.db);
});

interface Logged {
  name?: string;
  rank?: number;
  steps: number;
  from?: number;
  /** Unix ms of the first point, and between two. */
  ts?: number;
  every?: number;
  value?: (step: number) => number | null;
}

/** Points of a metric, one a step. */
async function log(of: { id: string; attempt: { id: string } }, logged: Logged) {
  const { name = "loss", rank = 0, from = 0, ts = 1_000, every = 100, value = () => 1 } = logged;
  const owner = {
    purpose: "attempt" as const,
    id: of.attempt.id,
    teamId: ctx.teamId,
    runId: of.id,
  };
  const points = Array.from({ length: logged.steps }, (_, i) => ({
    name,
    rank,
    step: from + i,
    ts: ts + i * every,
    value: value(from + i),
  }));
  for (let at = 0; at < points.length; at += 10_000)
    await ingestMetrics(connection.db, owner, points.slice(at, at + 10_000));
}

const asked = (input: { runs: number[]; over?: "step" | "time"; width?: number }) =>
  CompareMetric.parse({ name: "loss", ...input });

it("answers each run's configuration, parameters and newest metrics, in the order of their numbers", async () => {
  const [first, second] = [await queue(ctx), await queue(ctx)];
  await log(first, { steps: 3, value: (step) => step });
  await log(first, { name: "accuracy", steps: 1, value: () => null });
  await connection.db
    .insert(runParam)
    .values({ teamId: ctx.teamId, runId: second.id, key: "lr", value: "0.01" });
  const found = await compare(ctx, [second.number, first.number]);
  expect(found.map((run) => run.number)).toEqual([first.number, second.number]);
  expect(found[0]?.newest).toEqual([
    { name: "accuracy", step: 0, value: null },
    { name: "loss", step: 2, value: 2 },
  ]);
  expect(found[0]?.configuration).toContainEqual(["File", "model.onnx"]);
  expect([found[0]?.params, found[1]?.params]).toEqual([[], [{ key: "lr", value: "0.01" }]]);
});

it("does not know another team's runs, and says which it does not know", async () => {
  const own = await queue(ctx);
  const other = await makeTeam(connection.db);
  for (let n = 0; n < 2; n += 1) await queue(other);
  const both = [own.number, own.number + 1];
  const missing = { code: "not_found", message: `There is no run ${own.number + 1} in this team.` };
  await expect(compare(ctx, both)).rejects.toMatchObject(missing);
  await expect(compareMetric(ctx, asked({ runs: both }))).rejects.toMatchObject(missing);
});

it("compares up to its limit and refuses more with the limit", () => {
  const runs = Array.from({ length: MAX_COMPARED_RUNS + 1 }, (_, i) => i + 1);
  expect(CompareRuns.safeParse({ runs: runs.slice(1) }).success).toBe(true);
  const refused = CompareRuns.safeParse({ runs });
  expect(refused.error?.issues[0]?.message).toContain(String(MAX_COMPARED_RUNS));
  expect(CompareRuns.safeParse({ runs: [] }).success).toBe(false);
});

it("over steps every run stands on one grid, ranks joined, spikes kept", async () => {
  const [long, short, silent] = [await queue(ctx), await queue(ctx), await queue(ctx)];
  await log(long, { steps: 5_000, value: (step) => (step === 3_333 ? 99 : 1) });
  await log(long, { rank: 1, steps: 5_000, value: () => 3 });
  await log(short, { steps: 700, value: () => 2 });
  const { series } = await compareMetric(
    ctx,
    asked({ runs: [long.number, short.number, silent.number], width: 50 }),
  );
  expect(series.map((line) => line.run)).toEqual([long.number, short.number, silent.number]);
  const [a = [], b = [], c = []] = series.map((line) => line.buckets);
  expect(a.reduce((sum, bucket) => sum + bucket.n, 0)).toBe(10_000);
  expect(b.reduce((sum, bucket) => sum + bucket.n, 0)).toBe(700);
  expect(c).toEqual([]);
  expect(a.length).toBeLessThanOrEqual(50);
  expect(Math.max(...a.map((bucket) => bucket.max ?? 0))).toBe(99);
  expect(a[0]).toMatchObject({ min: 1, max: 3, mean: 2 });
  expect([a.at(-1)?.x, b.at(-1)?.x]).toEqual([4_999, 699]);
  const grid = new Set(a.map((bucket) => bucket.x));
  expect(b.slice(0, -1).every((bucket) => grid.has(bucket.x))).toBe(true);
});

it("over time every run begins at zero seconds with its first point of any metric", async () => {
  const [early, late] = [await queue(ctx), await queue(ctx)];
  await log(early, { steps: 11, ts: 50_000, every: 1_000 });
  await log(late, { name: "lr", steps: 1, ts: 900_000 });
  await log(late, { steps: 6, ts: 902_000, every: 1_000 });
  const { series } = await compareMetric(
    ctx,
    asked({ runs: [early.number, late.number], over: "time", width: 1_000 }),
  );
  const [a = [], b = []] = series.map((line) => line.buckets);
  expect(a).toHaveLength(11);
  expect(a[0]?.x).toBeLessThan(0.1);
  expect(a.at(-1)?.x).toBe(10);
  expect(b[0]?.x).toBeCloseTo(2, 1);
  expect(b.at(-1)?.x).toBe(7);
});

it("leaves out what a later attempt did again", async () => {
  const queued = await queue(ctx);
  await log(queued, { steps: 100, value: () => 1 });
  const id = newId("att");
  await connection.db.update(attempt).set({ state: "failed" }).where(eq(attempt.id, queued.attempt.id));
  await connection.db.insert(attempt).values({
    id,
    teamId: ctx.teamId,
    runId: queued.id,
    number: 2,
    jobId: id,
    firstStep: 50,
  });
  await log({ id: queued.id, attempt: { id } }, { from: 51, steps: 20, ts: 60_000, value: () => 5 });
  const { series } = await compareMetric(ctx, asked({ runs: [queued.number], width: 1_000 }));
  const buckets = series[0]?.buckets ?? [];
  expect(buckets.map(({ x, mean }) => [x, mean])).toEqual([
    ...Array.from({ length: 51 }, (_, step) => [step, 1]),
    ...Array.from({ length: 20 }, (_, i) => [51 + i, 5]),
  ]);
  expect((await compare(ctx, [queued.number]))[0]?.newest).toEqual([{ name: "loss", step: 70, value: 5 }]);
});

it("lists the runs of whoever asks", async () => {
  const { actor } = await makeEngineer(connection.db);
  await queue(ctx);
  const own = await queue({ ...ctx, actor });
  const list = async (of: TeamContext, isMine: boolean) =>
    (await screens.list(of, ListRuns.parse({ isMine }))).runs.map((run) => run.number);
  expect(await list({ ...ctx, actor }, true)).toEqual([own.number]);
  expect(await list({ ...ctx, actor }, false)).toHaveLength(2);
  const other = await makeEngineer(connection.db);
  expect(await list({ ...ctx, actor: other.actor }, true)).toEqual([]);
});

it("reads a coarser level where buckets are wide or points are many", () => {
  expect(levelOf(1_000, 2, 1_000)).toBe(1);
  expect(levelOf(1_001, 2, 1_000)).toBe(64);
  expect(levelOf(1_000, 64, 1_000)).toBe(64);
  expect(levelOf(64_001, 2, 1_000)).toBe(1024);
  expect(levelOf(10, 1024, 1_000)).toBe(1024);
});

it("answers 200 runs with a line each, and few enough buckets to draw", async () => {
  const numbers: number[] = [];
  for (let n = 0; n < MAX_COMPARED_RUNS; n += 1) {
    const queued = await queue(ctx);
    numbers.push(queued.number);
    await log(queued, { steps: 1_200, value: (step) => step + n });
  }
  const began = performance.now();
  const { series } = await compareMetric(ctx, asked({ runs: numbers }));
  const took = performance.now() - began;
  const timed = performance.now();
  await compareMetric(ctx, asked({ runs: numbers, over: "time" }));
  const again = performance.now();
  await compare(ctx, numbers);
  console.log(
    `200 runs of 1,200 points: over steps ${took.toFixed()} ms, over time ${(again - timed).toFixed()} ms, side by side ${(performance.now() - again).toFixed()} ms`,
  );
  const buckets = series.flatMap((line) => line.buckets);
  expect(series.every((line) => line.buckets.length > 0)).toBe(true);
  expect(buckets.reduce((sum, bucket) => sum + bucket.n, 0)).toBe(240_000);
  expect(buckets.length).toBeLessThanOrEqual(12_000);
});
