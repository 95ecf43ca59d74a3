/** What nodes use is kept as it was told, less what can't be. */
import { and, eq, sql } from "drizzle-orm";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { usageOpen } from "../../db/schema/cluster";
import { FakeCluster } from "../engine/fake-cluster";
import type { TeamContext } from "../platform/context";
import { testConsole } from "../platform/testing/console";
import { makeTeam } from "../runs/testing";
import { nodePage, overview, readings as readingsOfAll, takeReadings, usage } from "./service";
import { type Played, playAfresh } from "./testing";
import { rollUpUsage } from "./usage/rollup";

const SECOND = 1_000;
const BEGAN = Date.UTC(2026, 0, 5, 12);

const connection = testConsole();
let ctx: TeamContext;
let played: Played;

beforeAll(async () => {
  ctx = await makeTeam(connection.db);
});
beforeEach(async () => {
  played = await playAfresh(connection.db, BEGAN);
});

describe("readings", () => {
  it("drop what can't be, value by value, and say how many", async () => {
    const { agent } = played;
    new FakeCluster(agent, { nodes: 1, gpus: 2, seed: 1, churn: 0 }).read();
    await agent.tell();
    const readings = agent.readings;
    if (!readings) throw new Error("there are readings");
    agent.readings = {
      ...readings,
      cpuPercent: [-5],
      gpus: { ...readings.gpus, percent: [101, 40], celsius: [4_000, 60], watts: [-1] },
    };
    expect(await agent.tellReadings()).toMatchObject({ dropped: 5 });
    const { nodes, health } = await overview(ctx);
    const [node] = nodes;
    expect(await nodePage(ctx, { id: node?.id ?? "" })).toMatchObject({
      cpuPercent: null,
      memoryUsedBytes: readings.memoryBytes[0],
      gpuReadings: [
        { index: 0, percent: null, celsius: null, watts: null },
        { index: 1, percent: 40, celsius: 60, watts: null },
      ],
    });
    // What every page asks for each second: what is not known has no part in the mean.
    expect(await readingsOfAll(ctx)).toMatchObject({
      serial: [node?.serial],
      cpuPercent: [null],
      memoryBytes: [readings.memoryBytes[0]],
      gpuPercent: [40],
    });
    expect(health.dropped).toBe(5);
  });

  it("are added to what the database holds, whoever wrote it, and not to what was rolled back", async () => {
    const { agent, clock, clusterId } = played;
    const readings = new FakeCluster(agent, { nodes: 1, gpus: 0, seed: 7, churn: 0 }).read();
    agent.readings = null;
    await agent.tell();
    const telling = (percent: number) => ({ ...readings, cpuPercent: [percent] });
    const tell = async (second: number, percent: number) => {
      clock.now = BEGAN + second * SECOND;
      agent.readings = telling(percent);
      await agent.tellReadings();
    };
    const ofNodes = and(eq(usageOpen.clusterId, clusterId), eq(usageOpen.of, "node"));
    await tell(1, 10);
    const [elsewhere] = await connection.db.select().from(usageOpen).where(ofNodes);
    await tell(2, 1_000);
    await connection.db.update(usageOpen).set({ packed: elsewhere?.packed }).where(ofNodes);
    await tell(3, 30);
    const undone = connection.db.transaction(async (tx) => {
      await takeReadings(tx, clusterId, telling(2_000), new Date(clock.now));
      tx.rollback();
    });
    await expect(undone).rejects.toThrow();
    await tell(4, 20);
    await tell(61, 0);
    const { rows } = await connection.db.execute(
      sql`select mean[1]::float8 as mean, peak[1]::float8 as peak from node_usage where level = 60`,
    );
    expect(rows).toEqual([{ mean: 20, peak: 30 }]);
  });

  it("become courses with their peaks, by node, pool and cluster, and stay when they are rolled up", async () => {
    const { agent, clock } = played;
    const fake = new FakeCluster(agent, { nodes: 4, gpus: 2, seed: 7, churn: 0 });
    const readings = fake.read();
    agent.readings = null;
    await agent.tell();
    const spike = 99;
    for (let second = 1; second <= 3_700; second += 20) {
      clock.now = BEGAN + second * SECOND;
      const percent = readings.gpus.percent.map(() => (second === 601 ? spike : 10));
      agent.readings = { ...readings, gpus: { ...readings.gpus, percent } };
      await agent.tellReadings();
    }
    const range = { from: BEGAN, to: clock.now, width: 800 };
    const [first] = (await overview(ctx)).nodes;
    const of = async (what: Parameters<typeof usage>[1]["of"]) =>
      (await usage(ctx, { of: what, metrics: ["gpu"], ...range }, clock.now)).courses;
    for (const what of [
      { kind: "cluster" },
      { kind: "pool", name: "gpu-a" },
      { kind: "node", id: first?.id ?? "" },
    ] as const) {
      const courses = await of(what);
      expect(courses).toHaveLength(what.kind === "node" ? 2 : 1);
      for (const { points } of courses) {
        expect(Math.max(...points.map(({ peak }) => peak))).toBe(spike);
        expect(points.filter(({ peak }) => peak === spike)).toHaveLength(1);
        expect(Math.min(...points.map(({ mean }) => mean))).toBeCloseTo(10);
      }
    }
    await rollUpUsage(connection.db, new Date(clock.now));
    const later = clock.now + 72 * 3_600_000;
    await rollUpUsage(connection.db, new Date(later));
    const { rows } = await connection.db.execute(
      sql`select level, count(*)::int as rows, max(peak[6])::float8 as spike from node_usage group by level`,
    );
    expect(rows).toEqual([{ level: 3600, rows: 4 * 2, spike }]);
    const old = await usage(
      ctx,
      { of: { kind: "node", id: first?.id ?? "" }, metrics: ["gpu"], ...range },
      later,
    );
    expect(Math.max(...old.courses.flatMap(({ points }) => points.map(({ peak }) => peak)))).toBe(spike);
  });
});
