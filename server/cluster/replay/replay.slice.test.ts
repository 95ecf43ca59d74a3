/** What a cluster lived through, as its agent told it, is played again: the same limits come near what was. */
import { sql } from "drizzle-orm";
import { beforeEach, expect, it } from "vitest";
import type { TeamContext } from "../../platform/context";
import { testConsole } from "../../platform/testing/console";
import { createRun } from "../../runs/service";
import { makeTeam, TRAINING } from "../../runs/testing";
import { EditPool, ReplayQuery } from "../contract";
import { editPool, replayPast } from "../service";
import { type Played, playCluster } from "../testing";

const connection = testConsole({ LATHE_POOL_MAX: "1" });
const MINUTE = 60_000;
const LIMITS = EditPool.parse({ pool: "local-cpu", min: 0, max: 1, idleSeconds: 600, pricePerHour: 6 });

let ctx: TeamContext;
let played: Played;
beforeEach(async () => {
  await connection.db.execute(
    sql`truncate run, attempt, node, node_interval, scaling_decision, demand_interval cascade`,
  );
  ctx = await makeTeam(connection.db);
  played = await playCluster(connection.db, Date.now() - 300 * MINUTE);
  played.agent.restart();
  await editPool(ctx, LIMITS);
});
const past = (...pools: EditedPool[]) => replayPast(ctx, ReplayQuery.parse({ pools }));
type EditedPool = typeof LIMITS;

/** A node starts for a minute, works for an hour, idles for ten minutes and leaves: three times, five minutes apart. */
async function live(): Promise<void> {
  const { agent, clock } = played;
  const pass = async (minutes: number) => {
    clock.now += minutes * MINUTE;
    await agent.tell();
  };
  for (let i = 0; i < 3; i += 1) {
    agent.demands = [{ shape: { CPU: 1 }, count: 1, owner: "somebody" }];
    agent.pending = [{ pool: "local-cpu", count: 1, message: "Starting" }];
    await pass(0);
    Object.assign(agent, { demands: [], pending: [] });
    const [node] = agent.join("local-cpu", 1);
    if (!node) throw new Error("a node joined");
    await pass(1);
    agent.nodes.set(node.nodeId, { ...node, cpusUsed: 0, state: "idle" });
    await pass(60);
    agent.leave(node.nodeId, "idle");
    await pass(10);
    agent.departed = [];
    await pass(5);
  }
}

it("comes near what was, and tells what other limits would have made of it", async () => {
  await live();
  const replayed = await past({ ...LIMITS, min: 1 });
  if (!replayed?.asWouldBe) throw new Error("there is a past");
  const { was, asIs, asWouldBe, starts } = replayed;
  expect(starts).toEqual([{ name: "local-cpu", seconds: 60, isMeasured: true }]);
  // Three times an hour of work and ten minutes without, at $6.
  expect(was.waited).toMatchObject({ total: expect.closeTo(120, 0), longest: expect.closeTo(60, 0) });
  expect(was).toMatchObject({ nodesAtMost: 1, cost: expect.closeTo(21, 1), busyCost: expect.closeTo(18, 1) });
  expect(Math.abs((asIs.cost ?? 0) - (was.cost ?? 0))).toBeLessThan(0.5);
  // The first was there at the beginning of what is known.
  expect(asIs.waited).toMatchObject({ total: expect.closeTo(120, 0), longest: expect.closeTo(60, 0) });
  expect(asWouldBe.waited.total).toBe(0);
  expect(asWouldBe.cost).toBeGreaterThan(asIs.cost ?? 0);
});

it("counts runs by what they asked for, whoever made them", async () => {
  const other = await makeTeam(connection.db);
  await live();
  for (const who of [ctx, other])
    await connection.db.transaction((tx) =>
      createRun(tx, who, { ...TRAINING, resources: { workers: 1, minWorkers: 1, cpus: 1, gpus: 0 } }),
    );
  const { rows } = await connection.db.execute<{ node: string }>(
    sql`select node_id as node from node limit 1`,
  );
  const workers = JSON.stringify([{ rank: 0, nodeId: rows[0]?.node }]);
  await connection.db.execute(sql`update attempt set created_at = now() - interval '40 minutes',
    started_at = now() - interval '30 minutes', ended_at = now() - interval '10 minutes', workers = ${workers}::jsonb`);
  const one = await past({ ...LIMITS, max: 2 });
  expect(one?.was.waited.longest).toBeCloseTo(600, 0);
  // The one that goes next waits for the first to end, and with two nodes only for a start.
  expect(one?.asIs.waited.longest).toBeGreaterThan(20 * 60);
  expect(one?.asWouldBe?.waited.longest).toBeCloseTo(60, 0);
});

it("has nothing to play where nothing was, and knows no pool that there is not", async () => {
  expect(await past()).toBeNull();
  await expect(past({ ...LIMITS, pool: "other" })).rejects.toThrow("There is no pool other.");
});
