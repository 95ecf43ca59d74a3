/** What is kept of a cluster is true whatever comes, in whatever order. */
import { eq, sql } from "drizzle-orm";
import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { cluster, demandInterval, node, nodeInterval, pool, scalingDecision } from "../../db/schema/cluster";
import { FakeCluster } from "../engine/fake-cluster";
import type { TeamContext } from "../platform/context";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { makeTeam } from "../runs/testing";
import { decision, ledger, nodePage, overview } from "./service";
import { type Played, playAfresh } from "./testing";

const SECOND = 1_000;
const BEGAN = Date.UTC(2026, 0, 5, 12);

const connection = testConsole();
let ctx: TeamContext;
let played: Played;

beforeAll(async () => {
  ctx = await makeTeam(connection.db);
});
async function playAnew() {
  played = await playAfresh(connection.db, BEGAN);
}
beforeEach(playAnew);

const pass = (seconds: number) => {
  played.clock.now += seconds * SECOND;
};
const intervals = () => connection.db.select().from(nodeInterval).orderBy(nodeInterval.id);

describe("a node's life", () => {
  it("is kept in pieces, and one that was taken for lost and answers again is the same node", async () => {
    const { agent } = played;
    const [first] = agent.join("local-cpu", 1);
    if (!first) throw new Error("a node joined");
    await agent.tell();
    pass(60);
    agent.nodes.set(first.nodeId, { ...first, state: "idle", cpusUsed: 0 });
    await agent.tell();
    pass(30);
    agent.leave(first.nodeId, "lost");
    await agent.tell();
    pass(20);
    agent.departed = [];
    agent.nodes.set(first.nodeId, first);
    await agent.tell();
    const pieces = (await intervals()).map(({ state, since, until }) => [
      state,
      (since.getTime() - BEGAN) / SECOND,
      until && (until.getTime() - BEGAN) / SECOND,
    ]);
    expect(pieces).toEqual([
      ["active", 0, 60],
      ["idle", 60, 90],
      ["active", 110, null],
    ]);
    expect(await connection.db.select().from(node)).toMatchObject([{ state: "active", endedAt: null }]);
    const ledger = await connection.db.select().from(scalingDecision).orderBy(scalingDecision.id);
    expect(ledger.map(({ cause, reason }) => [cause, reason])).toEqual([
      ["minimum", expect.any(String)],
      ["lost", "local-cpu-1 was lost: it stopped answering"],
      ["returned", "local-cpu-1 answers again after 20 s: it had not been lost"],
    ]);
  });

  it("tells a node that idled, one that was drained and one that crashed apart", async () => {
    const { agent } = played;
    const nodes = agent.join("local-cpu", 3);
    await agent.tell();
    for (const reason of ["idle", "drained", "lost"] as const)
      agent.leave(nodes.shift()?.nodeId ?? "", reason);
    await agent.tell();
    const left = await connection.db
      .select()
      .from(scalingDecision)
      .where(eq(scalingDecision.direction, "down"));
    expect(left.map(({ cause, cooldownSeconds }) => [cause, cooldownSeconds])).toEqual([
      ["idle", 60],
      ["drained", null],
      ["lost", null],
    ]);
  });
});

it("a node's page tells all that is known of it, and its decision what that cost", async () => {
  const { agent } = played;
  played.clock.now = Date.now() - 3_600_000;
  new FakeCluster(agent, { nodes: 1, gpus: 2, seed: 1, churn: 0 }).read();
  const [seen] = agent.nodes.values();
  const { readings } = agent;
  if (!seen || !readings) throw new Error("a node joined, and is read");
  await connection.db.insert(pool).values({
    ...{ id: newId("pool"), clusterId: played.clusterId, name: "gpu-a", min: 0, max: 1, idleSeconds: 60 },
    ...{ resources: { CPU: 64, GPU: 2 }, pricePerHour: 6 },
  });
  await agent.tell();
  const [row] = (await overview(ctx)).nodes;
  const page = await nodePage(ctx, { id: row?.id ?? "" });
  expect(page).toMatchObject({
    ...{ state: "active", stateSince: new Date(played.clock.now), pool: "gpu-a", address: seen.address },
    ...{ cpus: 64, cpusUsed: 64, gpus: 2, gpuModel: seen.gpuModel, gpuMemoryBytes: seen.gpuMemoryBytes },
    ...{ memoryBytes: seen.memoryBytes, memoryUsedBytes: readings.memoryBytes[0] },
    ...{ diskBytes: seen.diskBytes, diskUsedBytes: readings.diskBytes[0], labels: seen.labels },
    receivedBytesPerSecond: readings.receivedBytesPerSecond[0],
    sentBytesPerSecond: readings.sentBytesPerSecond[0],
    heartbeatAgeMs: readings.heartbeatAgeMs[0],
    gpuReadings: [0, 1].map((index) => ({
      ...{ index, percent: readings.gpus.percent[index], memoryBytes: readings.gpus.memoryBytes[index] },
      ...{ celsius: readings.gpus.celsius[index], watts: readings.gpus.watts[index] },
    })),
  });
  // An hour at its pool's price, up to when this test looks.
  expect(page.cost).toBeCloseTo(6, 1);
  const [entry] = (await ledger(ctx, { limit: 1 })).decisions;
  expect(entry?.cost).toBeCloseTo(6, 1);
  expect(await decision(ctx, { id: entry?.id ?? 0 })).toMatchObject({ nodes: [{ id: row?.id }] });
  await connection.db.delete(pool).where(eq(pool.name, "gpu-a"));
});

describe("a decision", () => {
  it("knows when it was of use, and which launches failed on the way", async () => {
    const { agent } = played;
    const failed = { pool: "local-cpu", count: 1, message: "no quota", retryInMs: 30_000 };
    agent.demands = [{ shape: { CPU: 1 }, count: 1, owner: null }];
    agent.pending = [{ pool: "local-cpu", count: 1, message: "Starting" }];
    await agent.tell();
    pass(5);
    Object.assign(agent, { pending: [], failed: [failed] });
    await agent.tell();
    await agent.tell();
    pass(35);
    Object.assign(agent, { failed: [], demands: [] });
    const [joined] = agent.join("local-cpu", 1);
    if (!joined) throw new Error("a node joined");
    agent.nodes.set(joined.nodeId, { ...joined, cpusUsed: 0, state: "idle" });
    await agent.tell();
    pass(7);
    agent.nodes.set(joined.nodeId, joined);
    await agent.tell();
    const [decision, ...others] = await connection.db.select().from(scalingDecision);
    expect(others).toEqual([]);
    expect(decision).toMatchObject({
      cause: "demand",
      requested: 1,
      achieved: 1,
      failures: 1,
      failure: "no quota",
    });
    const after = (moment: Date | null | undefined) => moment && (moment.getTime() - BEGAN) / SECOND;
    expect([decision?.achievedAt, decision?.usefulAt, decision?.retryAt].map(after)).toEqual([40, 47, 35]);
    expect(await connection.db.select().from(demandInterval)).toMatchObject([
      { count: 1, peak: 1, since: new Date(BEGAN), until: new Date(BEGAN + 40 * SECOND) },
    ]);
  });
});

describe("an agent", () => {
  it("is not heard once another has spoken, and neither is a late report of its own past", async () => {
    const { agent, told, tell } = played;
    agent.join("local-cpu", 2);
    await agent.tell();
    agent.restart();
    agent.join("local-cpu", 1);
    await agent.tell();
    const [late] = told;
    if (!late) throw new Error("something was told");
    expect(await tell({ ...late, seq: 99 })).toMatchObject({ superseded: true });
    expect((await overview(ctx)).counts.up).toBe(3);
  });

  it("is away when it is silent, and Ray is silent when the agent says so", async () => {
    const { agent } = played;
    await agent.tell();
    expect((await overview(ctx)).health).toMatchObject({ agent: "heard", ray: "answers" });
    agent.silence = { ms: 4_000, message: "The control store does not answer." };
    await agent.tellReadings();
    expect((await overview(ctx)).health).toMatchObject({
      ray: "silent",
      silentSince: new Date(BEGAN - 4_000),
      message: "The control store does not answer.",
    });
    await connection.db.update(cluster).set({ lastSeenAt: sql`now() - interval '9 seconds'` });
    expect((await overview(ctx)).health.agent).toBe("away");
  });
});

/** Whatever can go wrong on the way, in the order that the test draws. */
const EVENTS = [
  "join",
  "idle",
  "drain",
  "crash",
  "return",
  "turn",
  "demand",
  "launch",
  "fail",
  "duplicate",
  "late",
  "restart",
  "past",
  "back in time",
  "absurd",
  "told twice",
] as const;

it("counts are never negative, parts sum to wholes and intervals never overlap, in any order of events", async () => {
  const event = fc.record({ what: fc.constantFrom(...EVENTS), which: fc.nat(20), seconds: fc.nat(90) });
  const runs = fc.asyncProperty(fc.array(event, { minLength: 5, maxLength: 14 }), async (events) => {
    // An agent is started anew far less often than all these orders together would: the console remembers some.
    await playAnew();
    const { agent, clock, told, tell } = played;
    const lost: (typeof agent.nodes extends Map<string, infer N> ? N : never)[] = [];
    for (const { what, which, seconds } of events) {
      clock.now += what === "back in time" ? -3_600 * SECOND : seconds * SECOND;
      const all = [...agent.nodes.values()];
      const one = all[which % Math.max(1, all.length)];
      if (what === "join") agent.join(which % 2 ? "local-cpu" : "gpu", 1 + (which % 3));
      if (what === "idle" && one) agent.leave(one.nodeId, "idle");
      if (what === "drain" && one) agent.cordon(one.nodeId, true);
      if (what === "crash" && one) {
        agent.leave(one.nodeId, "lost");
        lost.push(one);
      }
      const back = what === "return" ? lost.pop() : undefined;
      if (back) agent.nodes.set(back.nodeId, back);
      if (what === "turn" && one) agent.nodes.set(one.nodeId, { ...one, state: "idle", cpusUsed: 0 });
      if (what === "demand") agent.demands = [{ shape: { CPU: which - 5 }, count: which - 10, owner: null }];
      if (what === "launch") agent.pending = [{ pool: "gpu", count: which - 4, message: "Starting" }];
      if (what === "fail")
        agent.failed = [{ pool: "gpu", count: which - 4, message: "none left", retryInMs: -1 }];
      if (what === "restart") agent.restart();
      if (what === "absurd" && one)
        agent.nodes.set(one.nodeId, { ...one, cpus: which - 10, cpusUsed: 1e12, gpus: -1 });
      const old = told[which % Math.max(1, told.length)];
      if (what === "duplicate" && told.at(-1)) await tell(told.at(-1) as (typeof told)[number]);
      else if ((what === "late" || what === "past") && old) await tell(old);
      else if (what === "told twice" && one) {
        await agent.tell();
        const last = told.at(-1);
        const twice = last?.cluster && {
          ...last.cluster,
          nodes: [...last.cluster.nodes, ...last.cluster.nodes],
        };
        if (last && twice) await tell({ ...last, seq: last.seq, cluster: twice });
      } else await agent.tell();
    }
    await agent.tell();
    await holdsTrue();
  });
  await fc.assert(runs, { numRuns: 20, endOnFailure: true });
}, 60_000);

/** What is shown agrees with itself and with what the agent has. */
async function holdsTrue() {
  const { nodes, counts, pools, pending } = await overview(ctx);
  const workers = nodes.filter(({ isHead }) => !isHead);
  expect(workers.map(({ nodeId }) => nodeId).sort()).toEqual([...played.agent.nodes.keys()].sort());
  expect(counts.up).toBe(workers.length);
  expect(counts.active + counts.idle + counts.draining).toBe(counts.up);
  for (const amount of Object.values(counts)) expect(amount).toBeGreaterThanOrEqual(0);
  expect(counts.starting).toBe(pending.reduce((sum, { count }) => sum + count, 0));
  for (const pool of pools) expect(pool.counts.up).toBe(workers.filter((n) => n.pool === pool.name).length);
  const { rows } = await connection.db.execute<Record<string, number>>(sql`
    select
      (select count(*)::int from node_interval a join node_interval b on b.node_id = a.node_id and b.id > a.id
        and tstzrange(a.since, coalesce(a.until, 'infinity')) && tstzrange(b.since, coalesce(b.until, 'infinity'))) as overlaps,
      (select count(*)::int from node_interval where until is null) as open,
      (select count(*)::int from demand_interval a join demand_interval b on b.key = a.key and b.id > a.id
        and tstzrange(a.since, coalesce(a.until, 'infinity')) && tstzrange(b.since, coalesce(b.until, 'infinity'))) as demands,
      (select count(*)::int from capacity_change where least(nodes, cpus, cpus_used, cpus_wanted, gpus, gpus_used) < 0
        or cpus_used > cpus or gpus_used > gpus) as impossible,
      (select count(*)::int from scaling_decision where achieved <> cardinality(node_ids) or achieved > requested) as undone,
      (select count(*)::int from scaling_decision where length(trim(reason)) < 10) as unexplained`);
  expect(rows).toEqual([
    { overlaps: 0, open: nodes.length, demands: 0, impossible: 0, undone: 0, unexplained: 0 },
  ]);
}
