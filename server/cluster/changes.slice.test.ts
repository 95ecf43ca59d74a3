/** Who looks at a cluster is told what changed of it, by the rules of the team. */
import { sql } from "drizzle-orm";
import { beforeEach, expect, it } from "vitest";
import type { TeamContext } from "../platform/context";
import { testConsole } from "../platform/testing/console";
import { admitWaiting, createRun } from "../runs/service";
import { makeTeam, TRAINING } from "../runs/testing";
import { withChanges } from "./changes-contract";
import { changes, editPool, overview, takeOut } from "./service";
import { type Played, playCluster } from "./testing";

const connection = testConsole({ LATHE_POOL_MAX: "4" });
let ctx: TeamContext;
let played: Played;
beforeEach(async () => {
  await connection.db.execute(sql`truncate run, attempt, node, node_interval, scaling_decision cascade`);
  ctx = await makeTeam(connection.db);
  played = await playCluster(connection.db, Date.now());
  played.agent.restart();
  played.agent.join("local-cpu", 3);
  await played.agent.tell();
});

it("is each node that differs, for whatever reason, and lays over what was held to what is so", async () => {
  const { agent } = played;
  const [, lost] = agent.nodes.values();
  const held = await overview(ctx);
  const [first, second, third] = held.nodes;
  if (second?.nodeId !== lost?.nodeId || !first || !second || !third) throw new Error("three nodes joined");
  expect(await changes(ctx, { since: held.revision })).toMatchObject({ nodes: [], left: [] });

  await takeOut(ctx, { id: first.id, wish: "cordon", reason: "its disk fails" });
  agent.leave(second.nodeId, "lost");
  await agent.tell();
  const some = await changes(ctx, { since: held.revision });
  expect(some).toMatchObject({ nodes: [{ id: first.id, wish: "cordon" }], left: [second.id] });
  const now = await overview(ctx);
  expect(some && withChanges(held, some)).toEqual({ ...now, revision: some?.revision });

  // A price of the pool is one of each node that is up; one that answers again has its old price, and its old place.
  const [pool] = now.pools;
  if (!pool) throw new Error("there is a pool");
  const { min, max, idleSeconds } = pool;
  await editPool(ctx, {
    ...{ pool: pool.name, min, max, idleSeconds, pricePerHour: 3 },
    ...{ preemptible: false, schedule: null },
  });
  agent.nodes.set(lost?.nodeId ?? "", lost ?? expect.fail());
  await agent.tell();
  const more = await changes(ctx, { since: now.revision });
  const later = more && withChanges(now, more);
  expect(later?.nodes.map(({ id, pricePerHour }) => [id, pricePerHour])).toEqual([
    [first.id, 3],
    [second.id, null],
    [third.id, 3],
  ]);
});

it("names what runs on a node to its own team alone", async () => {
  const other = await makeTeam(connection.db);
  const since = { mine: (await overview(ctx)).revision, others: (await overview(other)).revision };
  expect(await changes(ctx, { since: since.others })).toBeNull();

  const resources = { workers: 9, cpus: 1, gpus: 0 };
  const run = await connection.db.transaction((tx) => createRun(tx, ctx, { ...TRAINING, resources }));
  await admitWaiting(connection.db, async () => {});
  const told = async (as: TeamContext, revision: string) =>
    (await changes(as, { since: revision }))?.rest.waiting?.map(({ label, path }) => ({ label, path }));
  expect(await told(ctx, since.mine)).toEqual([
    { label: expect.stringContaining(`run ${run.number}`), path: `training/${run.number}` },
  ]);
  expect(await told(other, since.others)).toEqual([{ label: "a run of another team", path: "" }]);
});

it("is read once for all that ask at one time, and anew for who asks after something happened", async () => {
  const many = await Promise.all(Array.from({ length: 50 }, () => overview(ctx)));
  expect(new Set(many.map(({ revision }) => revision)).size).toBe(2);

  const early = overview(ctx);
  played.agent.join("local-cpu", 1);
  await played.agent.tell();
  const late = await overview(ctx);
  expect(late.nodes).toHaveLength(4);
  const { revision } = await early;
  expect(await changes(ctx, { since: revision })).toMatchObject({ left: [] });
});
