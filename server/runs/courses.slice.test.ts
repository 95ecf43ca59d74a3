import { eq } from "drizzle-orm";
import { expect, it } from "vitest";
import { user } from "../../db/schema/identity";
import { run } from "../../db/schema/runs";
import type { TeamContext } from "../platform/context";
import { testConsole } from "../platform/testing/console";
import { COURSE_VALUES } from "./courses";
import { ingestMetrics } from "./door/metrics";
import { metricNames, newestOfRuns } from "./newest";
import * as screens from "./screen-service";
import { ListRuns } from "./screens";
import { makeTeam, queue } from "./testing";

const connection = testConsole();

async function logged(ctx: TeamContext, names: readonly string[], steps: number, every = 1) {
  const queued = await queue(ctx);
  const owner = {
    purpose: "attempt" as const,
    id: queued.attempt.id,
    teamId: ctx.teamId,
    runId: queued.id,
  };
  for (const name of names) {
    const points = Array.from({ length: steps / every }, (_, i) => ({
      name,
      rank: 0,
      step: i * every,
      ts: i,
      value: i * every,
    }));
    for (let at = 0; at < points.length; at += 5000)
      await ingestMetrics(connection.db, owner, points.slice(at, at + 5000));
  }
  return queued.number;
}

it("a course follows the metric, whatever it is made of, and is the loss where there is one", async () => {
  const ctx = await makeTeam(connection.db);
  const runs = {
    points: await logged(ctx, ["accuracy", "train/loss"], 480),
    fine: await logged(ctx, ["b", "a"], 4800),
    coarse: await logged(ctx, ["train/loss"], 48_000, 4),
    short: await logged(ctx, ["train/loss"], 3),
    none: (await queue(ctx)).number,
  };
  const courses = await screens.courses(ctx, Object.values(runs));
  const of = (number: number) => courses.find((course) => course.run === number);
  for (const [number, steps, metric, slack] of [
    [runs.points, 480, "train/loss", 1],
    [runs.fine, 4800, "a", 64],
    [runs.coarse, 48_000, "train/loss", 1024],
  ] as const) {
    const course = of(number);
    expect(course?.metric).toBe(metric);
    expect(course?.values).toHaveLength(COURSE_VALUES);
    course?.values.forEach((value, i) => {
      const middle = ((i + 0.5) * steps) / COURSE_VALUES;
      expect(Math.abs((value ?? Number.NaN) - middle)).toBeLessThanOrEqual(slack);
    });
  }
  expect(of(runs.short)?.values).toEqual([0, 1, 2]);
  expect(of(runs.none)).toBeUndefined();
});

it("a list shows where chosen metrics of its rows stand, and offers what most of them logged first", async () => {
  const ctx = await makeTeam(connection.db);
  const [both, one, none] = [
    await logged(ctx, ["accuracy", "train/loss"], 200),
    await logged(ctx, ["train/loss"], 3),
    (await queue(ctx)).number,
  ];
  const runs = [both, one, none];
  expect(await metricNames(ctx, runs)).toEqual(["train/loss", "accuracy"]);
  const newest = await newestOfRuns(ctx, { runs, names: ["accuracy"] });
  expect(newest).toEqual([
    { run: both, metrics: [{ name: "accuracy", step: 199, value: 199 }] },
    { run: one, metrics: [] },
    { run: none, metrics: [] },
  ]);
  const stranger = await makeTeam(connection.db);
  expect(await metricNames(stranger, runs)).toEqual([]);
  await expect(newestOfRuns(stranger, { runs: [both], names: ["accuracy"] })).rejects.toThrow("no run");
});

it("courses and launchers of another team are not seen", async () => {
  const [ctx, stranger] = [await makeTeam(connection.db), await makeTeam(connection.db)];
  const number = await logged(ctx, ["train/loss"], 10);
  expect(await screens.courses(ctx, [number])).toHaveLength(1);
  expect(await screens.courses(stranger, [number])).toEqual([]);
});

it("a list is of whoever launched: the people who did are named, and one of them may be chosen", async () => {
  const [ctx, stranger] = [await makeTeam(connection.db), await makeTeam(connection.db)];
  await connection.db.insert(user).values(
    ["Ada", "Bob"].map((name) => ({
      id: `${name}-${ctx.teamId}`,
      name,
      email: `${name}@${ctx.teamId}.test`,
    })),
  );
  const launchedBy = async (name: string) => {
    const { id, number } = await queue(ctx);
    await connection.db
      .update(run)
      .set({ createdBy: `${name}-${ctx.teamId}` })
      .where(eq(run.id, id));
    return number;
  };
  const [bob, ada] = [await launchedBy("Bob"), await launchedBy("Ada")];
  await queue(ctx);
  expect((await screens.launchers(ctx)).map(({ name }) => name)).toEqual(["Ada", "Bob"]);
  const of = async (by: string) =>
    (await screens.list(ctx, ListRuns.parse({ by }))).runs.map(({ number }) => number);
  expect(await of(`Ada-${ctx.teamId}`)).toEqual([ada]);
  expect(await of(`Bob-${ctx.teamId}`)).toEqual([bob]);
  expect(await screens.launchers(stranger)).toEqual([]);
});
