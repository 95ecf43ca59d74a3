import { eq, sql } from "drizzle-orm";
import { expect, it } from "vitest";
import { node, pool } from "../../db/schema/cluster";
import { attempt, run } from "../../db/schema/runs";
import { editPool } from "../cluster/service";
import { defaultClusterId } from "../engine/service";
import type { TeamContext } from "../platform/context";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { stopOverspent } from "./budget";
import { costsOfRuns, refuseUnpriced } from "./cost";
import { makeTeam, queue } from "./testing";

const connection = testConsole();
const POOL = "local-cpu";
const LIMITS = { min: 0, max: 6, idleSeconds: 60, preemptible: false, schedule: null };

async function addNode(clusterId: string, cpus: number): Promise<string> {
  const id = newId("node");
  const seen = { cpus, gpus: 0, memoryBytes: 1, observed: {} };
  await connection.db.insert(node).values({
    ...seen,
    ...{ id, clusterId, nodeId: id, name: id, pool: POOL, isHead: false, state: "active" as const },
  });
  return id;
}

/** A run with an attempt that has run for so many hours, a worker on each node. */
async function ran(
  ctx: TeamContext,
  hours: number,
  nodeIds: readonly string[],
  maxCost: number | null = null,
) {
  const queued = await queue(ctx);
  const workers = nodeIds.map((nodeId, rank) => ({ rank, nodeId, pid: 1, device: "cpu" }));
  await connection.db.execute(sql`alter table run disable trigger run_transition`);
  await connection.db.update(run).set({ state: "running", maxCost }).where(eq(run.id, queued.id));
  await connection.db.execute(sql`alter table run enable trigger run_transition`);
  await connection.db
    .update(attempt)
    .set({ startedAt: sql`now() - make_interval(secs => ${hours * 3600}::float8)`, workers })
    .where(eq(attempt.id, queued.attempt.id));
  return queued;
}

it("a run costs its share of its nodes at their price, and stops when that is used up", async () => {
  const ctx = await makeTeam(connection.db);
  const clusterId = await defaultClusterId(connection.db);
  const [small, large] = [await addNode(clusterId, 1), await addNode(clusterId, 4)];
  const both = await ran(ctx, 2, [small, large], 2.4);
  const costOf = async (number: number) => (await costsOfRuns(connection.db, ctx.teamId, [number]))[0]?.cost;

  await expect(refuseUnpriced(connection.db, 1)).rejects.toThrow("no price for nodes of local-cpu");
  expect(await costOf(both.number)).toBeUndefined();
  await editPool(ctx, { ...LIMITS, pool: POOL, pricePerHour: 0.8 });
  await refuseUnpriced(connection.db, 1);
  expect((await costOf(both.number))?.amount).toBeCloseTo(2 * (0.8 + 0.2), 2);

  await connection.db.update(node).set({ state: "gone" }).where(eq(node.id, large));
  await editPool(ctx, { ...LIMITS, pool: POOL, pricePerHour: 1 });
  expect((await costOf(both.number))?.amount, "what left keeps its price").toBeCloseTo(2 * (1 + 0.2), 2);
  await connection.db.update(node).set({ pricePerHour: null }).where(eq(node.id, large));
  expect(await costOf(both.number)).toMatchObject({ isWhole: false });
  await connection.db.update(node).set({ pricePerHour: 0.8 }).where(eq(node.id, large));

  const cheap = await ran(ctx, 1, [small], 2.4);
  await stopOverspent(connection.db, async () => {});
  const stopped = async (id: string) =>
    (await connection.db.select().from(run).where(eq(run.id, id)))[0]?.stopReason ?? "";
  expect(await stopped(both.id)).toBe("Its budget of $2.40 is used up: it cost $2.40.");
  expect(await stopped(cheap.id)).toBe("");

  const stranger = await makeTeam(connection.db);
  expect(await costsOfRuns(connection.db, stranger.teamId, [both.number])).toEqual([]);
  await expect(editPool(ctx, { ...LIMITS, pool: "none", pricePerHour: 1 })).rejects.toThrow("no pool none");
  await connection.db.update(pool).set({ pricePerHour: null });
});
