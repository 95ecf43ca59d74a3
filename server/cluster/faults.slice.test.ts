/** What goes wrong for long leaves a ledger that can be read: one entry that grows, and that ends by itself. */
import { asc, sql } from "drizzle-orm";
import { beforeEach, expect, it } from "vitest";
import { nodeInterval, scalingDecision } from "../../db/schema/cluster";
import type { TeamContext } from "../platform/context";
import { testConsole } from "../platform/testing/console";
import { createRun } from "../runs/service";
import { makeTeam, TRAINING } from "../runs/testing";
import { ledger, nodePage, overview } from "./service";
import { type Played, playCluster } from "./testing";

const MINUTE = 60_000;
const REFUSED = "no capacity in this zone";
const connection = testConsole({ LATHE_POOL_MAX: "2" });

let ctx: TeamContext;
let played: Played;
let began: number;
beforeEach(async () => {
  await connection.db.execute(
    sql`truncate run, attempt, node, node_interval, demand_interval, scaling_decision, capacity_change cascade`,
  );
  await connection.db.execute(sql`update cluster set observed = null, observed_at = null`);
  ctx = await makeTeam(connection.db);
  // What flaps does so now: pages look back from the database's clock.
  began = Date.now() - 9 * MINUTE;
  played = await playCluster(connection.db, began);
  played.agent.restart();
});
const pass = (ms: number) => {
  played.clock.now += ms;
};
const decisions = () => connection.db.select().from(scalingDecision).orderBy(asc(scalingDecision.id));

it("a provider that refuses for an hour is one entry that grows, and its end is on it", async () => {
  const { agent } = played;
  await connection.db.transaction((tx) =>
    createRun(tx, ctx, { ...TRAINING, resources: { workers: 1, cpus: 1, gpus: 0 } }),
  );
  await connection.db.execute(sql`update attempt set admitted_at = now()`);
  agent.demands = [{ shape: { CPU: 1 }, count: 1, owner: null }];
  // As an agent tells of it that waits up to five minutes between tries.
  for (let minute = 0; minute < 60; minute += 5) {
    agent.pending = [{ pool: "local-cpu", count: 1, message: "Starting" }];
    await agent.tell();
    pass(10_000);
    agent.pending = [];
    const count = minute / 5 + 1;
    agent.failed = [{ pool: "local-cpu", count, message: REFUSED, retryInMs: 290_000 }];
    await agent.tell();
    await agent.tell();
    pass(5 * MINUTE - 10_000);
  }
  expect(await decisions()).toMatchObject([
    { requested: 1, achieved: 0, failures: 12, failure: REFUSED, retryAt: new Date(played.clock.now) },
  ]);
  const { failed, counts, waiting } = await overview(ctx);
  expect([failed.length, counts.failed]).toEqual([1, 12]);
  expect(waiting).toMatchObject([
    { why: { cause: "failed", says: expect.stringContaining(`failed: ${REFUSED}. It is tried again in`) } },
  ]);

  Object.assign(agent, { failed: [], demands: [] });
  agent.join("local-cpu", 1);
  await agent.tell();
  expect(await decisions()).toMatchObject([{ requested: 1, achieved: 1, failures: 12 }]);
  expect((await overview(ctx)).counts).toMatchObject({ failed: 0, up: 1 });
});

it("a node that comes and goes is shown so, in two entries however often it does, with its life as it was", async () => {
  const { agent } = played;
  const [node] = agent.join("local-cpu", 1);
  if (!node) throw new Error("a node joined");
  await agent.tell();
  const [calm] = (await overview(ctx)).nodes;
  const TIMES = 8;
  for (let i = 0; i < TIMES; i += 1) {
    pass(40_000);
    agent.leave(node.nodeId, "lost");
    await agent.tell();
    pass(20_000);
    agent.departed = [];
    agent.nodes.set(node.nodeId, node);
    await agent.tell();
  }
  const grown = (await decisions()).map(({ cause, reason }) => [cause, reason]);
  expect(grown).toEqual([
    ["minimum", expect.any(String)],
    ["lost", "local-cpu-1 was lost: it stopped answering"],
    ["flapping", `local-cpu-1 comes and goes: lost ${TIMES} times within 7 min; it answers now`],
  ]);
  expect((await ledger(ctx, { limit: 30 })).decisions[0]).toMatchObject({ nodes: ["local-cpu-1"] });
  const some = async (of: { cause?: "lost"; pool?: string }) =>
    (await ledger(ctx, { limit: 30, ...of })).decisions.map(({ cause }) => cause);
  expect(await some({ cause: "lost" })).toEqual(["lost"]);
  expect(await some({ cause: "lost", pool: "local-cpu" })).toEqual(["lost"]);
  expect(await some({ pool: "another" })).toEqual([]);
  const pieces = await connection.db.select().from(nodeInterval).orderBy(asc(nodeInterval.id));
  expect(pieces.map(({ since, until }) => [since, until].map((at) => at && at.getTime() - began))).toEqual(
    Array.from({ length: TIMES + 1 }, (_, i) => [i * MINUTE, i < TIMES ? i * MINUTE + 40_000 : null]),
  );
  const [shown] = (await overview(ctx)).nodes;
  expect([calm?.isFlapping, shown?.isFlapping]).toEqual([false, true]);
  expect(await nodePage(ctx, { id: shown?.id ?? "" })).toMatchObject({ isFlapping: true, state: "active" });

  pass(1_000);
  agent.leave(node.nodeId, "lost");
  await agent.tell();
  expect((await decisions()).map(({ reason }) => reason).at(-1)).toContain(
    `lost ${TIMES + 1} times within 8 min; it is away now`,
  );
  pass(11 * MINUTE);
  agent.departed = [];
  agent.nodes.set(node.nodeId, node);
  await agent.tell();
  expect((await decisions()).at(-1)).toMatchObject({ cause: "returned" });
});
