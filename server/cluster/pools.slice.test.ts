/** A pool is edited: audited, told to the agent, and not undone by a restart. */
import { desc, sql } from "drizzle-orm";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { pool, scalingDecision } from "../../db/schema/cluster";
import { costPage } from "../cost/service";
import { desiredState, ensureLocalCluster } from "../engine/service";
import type { TeamContext } from "../platform/context";
import { naturally } from "../platform/db";
import { newId } from "../platform/ids";
import { byName } from "../platform/names-contract";
import { testConsole } from "../platform/testing/console";
import { makeTeam } from "../runs/testing";
import { EditPool } from "./contract";
import { editPool, followSchedules, overview } from "./service";
import { type Played, playCluster } from "./testing";

const connection = testConsole({ LATHE_POOL_MAX: "4" });
const EDIT = EditPool.parse({ pool: "local-cpu", min: 1, max: 8, idleSeconds: 30, pricePerHour: 0.5 });
const OFFICE = EditPool.parse({
  ...EDIT,
  schedule: { timeZone: "UTC", days: ["Mon"], from: "08:00", to: "18:00", min: 2, max: 3 },
});
const MONDAY = {
  before: "2026-01-05T07:00:00Z",
  within: "2026-01-05T12:00:00Z",
  after: "2026-01-05T19:00:00Z",
};

let ctx: TeamContext;
let played: Played;
beforeEach(async () => {
  await connection.db.execute(sql`truncate node, node_interval cascade`);
  await connection.db.execute(sql`delete from pool`);
  ctx = await makeTeam(connection.db);
  played = await playCluster(connection.db, Date.now());
  played.agent.restart();
});
const desired = () => desiredState(connection.db, played.clusterId);

it("is what the agent is told next, and stays after a restart with another configuration", async () => {
  const before = await desired();
  expect(before.pools).toMatchObject([{ min: 0, max: 4 }]);
  await editPool(ctx, EDIT);
  const after = await desired();
  expect(after.revision).toBeGreaterThan(before.revision);
  await ensureLocalCluster(connection.db);
  expect((await desired()).pools).toMatchObject([{ name: "local-cpu", min: 1, max: 8, idleSeconds: 30 }]);
  const [entry] = await connection.db.select().from(auditEntry).orderBy(desc(auditEntry.seq)).limit(1);
  expect(entry).toMatchObject({
    action: "pool.edited",
    before: { max: 4 },
    after: { max: 8, pricePerHour: 0.5 },
  });
});

it("leaves the limits to the configuration where only the price is set, and the agent in peace", async () => {
  const { revision, pools } = await desired();
  const [own] = pools;
  if (!own) throw new Error("the pool is there");
  await editPool(ctx, { ...EDIT, min: own.min, max: own.max, idleSeconds: own.idleSeconds });
  expect((await desired()).revision).toBe(revision);
  await connection.db.execute(sql`update pool set max = 5`);
  await ensureLocalCluster(connection.db);
  expect((await desired()).pools).toMatchObject([{ max: 4 }]);
});

it("is refused where nodes would end under their work, or its limits cross", async () => {
  played.agent.join("local-cpu", 3);
  await played.agent.tell();
  await expect(editPool(ctx, { ...EDIT, min: 0, max: 2 })).rejects.toMatchObject({ code: "pool_below_work" });
  expect((await desired()).pools).toMatchObject([{ max: 4 }]);
  expect(EditPool.safeParse({ ...EDIT, min: 9 }).error?.issues).toMatchObject([{ path: ["max"] }]);
  await expect(editPool(ctx, { ...EDIT, pool: "none" })).rejects.toThrow("no pool none");
});

it("is refused where somebody set it since it was read", async () => {
  const read = async () => {
    const { usual, ...pool } = (await overview(ctx)).pools[0] ?? expect.fail("the pool is there");
    return { ...pool, ...usual };
  };
  const was = await read();
  await editPool(ctx, { ...OFFICE, was });
  await expect(editPool(ctx, { ...EDIT, was })).rejects.toMatchObject({ code: "pool_moved" });
  expect(await read()).toMatchObject({ schedule: OFFICE.schedule });
  await editPool(ctx, { ...EDIT, was: await read() });
});

describe("pools", () => {
  it("stand in the order of their numbers, wherever they are listed", async () => {
    const [like] = await connection.db.select().from(pool);
    if (!like) throw new Error("the pool is there");
    const names = ["cpu-2", "cpu-10", "cpu-10-spot", "cpu-100", "gpu"];
    await connection.db
      .insert(pool)
      .values(names.toReversed().map((name) => ({ ...like, id: newId("pool"), name })));
    const all = [...names, "local-cpu"];
    expect((await overview(ctx)).pools.map(({ name }) => name)).toEqual(all);
    expect((await desired()).pools.map(({ name }) => name)).toEqual(all);
    expect((await costPage(ctx, { month: null })).poolsWithoutPrice).toEqual(all);
  });

  it("have the same order in a browser and in the database", async () => {
    const part = fc.oneof(fc.constantFrom("cpu", "gpu", "a100", "-", "x"), fc.nat(2_000).map(String));
    const name = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(""));
    const names = [...new Set(fc.sample(name, { numRuns: 500, seed: 2 }))];
    const { rows } = await connection.db.execute<{ name: string }>(sql`
      select name from json_array_elements_text(${JSON.stringify(names)}::json) name order by ${naturally(sql`name`)}`);
    expect(rows.map((row) => row.name)).toEqual(names.toSorted(byName));
  });
});

describe("a schedule", () => {
  const at = (moment: keyof typeof MONDAY) =>
    followSchedules(connection.db, async () => {}, new Date(MONDAY[moment]));
  const told = async () => (await desired()).pools.map(({ min, max }) => [min, max])[0];

  it("puts the limits of the hour in force, and tells both on screen", async () => {
    await editPool(ctx, OFFICE);
    await at("before");
    expect(await told()).toEqual([1, 8]);
    const { revision } = await desired();
    await at("within");
    expect(await told()).toEqual([2, 3]);
    expect((await desired()).revision).toBeGreaterThan(revision);
    expect((await overview(ctx)).pools).toMatchObject([
      { min: 2, max: 3, usual: { min: 1, max: 8 }, schedule: OFFICE.schedule },
    ]);
    const settled = (await desired()).revision;
    await at("within");
    expect((await desired()).revision).toBe(settled);
    await at("after");
    expect(await told()).toEqual([1, 8]);
  });

  it("lets nodes end their work before fewer may stay", async () => {
    await editPool(ctx, OFFICE);
    await at("before");
    const nodes = played.agent.join("local-cpu", 5);
    await played.agent.tell();
    await at("within");
    expect(await told()).toEqual([2, 5]);
    for (const one of nodes.slice(0, 3))
      played.agent.nodes.set(one.nodeId, { ...one, state: "idle", cpusUsed: 0 });
    await played.agent.tell();
    await at("within");
    expect(await told()).toEqual([2, 3]);
  });

  it("ends with the edit that takes it away", async () => {
    await editPool(ctx, OFFICE);
    await editPool(ctx, EDIT);
    await at("within");
    expect(await told()).toEqual([1, 8]);
    expect((await overview(ctx)).pools).toMatchObject([{ schedule: null }]);
  });
});

it("says where an edit does not reach the cluster, which has an autoscaler of its own", async () => {
  await played.agent.tell();
  expect((await overview(ctx)).followsPools).toBe(true);
  played.agent.followsPools = false;
  await played.agent.tell();
  expect((await overview(ctx)).followsPools).toBe(false);
});

it("tells a node that was preempted from one that somebody drained", async () => {
  await editPool(ctx, { ...EDIT, preemptible: true });
  const [taken] = played.agent.join("local-cpu", 2);
  await played.agent.tell();
  played.agent.leave(taken?.nodeId ?? "", "drained");
  await played.agent.tell();
  const [newest] = await connection.db
    .select()
    .from(scalingDecision)
    .orderBy(desc(scalingDecision.id))
    .limit(1);
  expect(newest).toMatchObject({ cause: "preempted", reason: expect.stringContaining("taken away") });
});
