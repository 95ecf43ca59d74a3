/** Elastic trainings: let in with what fits, smaller after a loss, larger once there is room, and never more than that. */
import { createHash } from "node:crypto";
import { desc, eq, sql } from "drizzle-orm";
import { beforeAll, beforeEach, expect, it } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { attempt, run } from "../../db/schema/runs";
import { Observation } from "../engine/contract";
import { defaultClusterId, desiredState, observe, registerSources } from "../engine/service";
import type { TeamContext } from "../platform/context";
import { testConsole } from "../platform/testing/console";
import { deriveToken } from "../platform/tokens";
import { requestPause } from "./control";
import { growRunning } from "./elastic";
import { newestAttempt } from "./repo";
import { detail } from "./screen-service";
import { admitWaiting, createRun, desiredAttempts, expireAttempts, type NewRun } from "./service";
import { fetchSpec, makeTeam, post, storeBlob, TRAINING } from "./testing";

const NODES = ["n1", "n2", "n3", "n4"];
const connection = testConsole({ LATHE_POOL_MAX: String(NODES.length) });
let ctx: TeamContext;

beforeAll(() => registerSources({ attempts: desiredAttempts }));
beforeEach(async () => {
  await connection.db.execute(sql`truncate run, attempt, checkpoint, node cascade`);
  ctx = await makeTeam(connection.db);
  await seeNodes(...NODES);
});

const training = (minWorkers: number, workers: number): NewRun => ({
  ...TRAINING,
  resources: { minWorkers, workers, cpus: 1, gpus: 0 },
});
const launch = (minWorkers: number, workers: number) =>
  connection.db.transaction((tx) => createRun(tx, ctx, training(minWorkers, workers)));

const fence = async () => {};
const admit = () => admitWaiting(connection.db, fence);
const growing = () => growRunning(connection.db, fence);
async function newest(id: string) {
  const found = await newestAttempt(connection.db, id);
  if (!found) throw new Error("the run has no attempt");
  return { ...found, token: deriveToken("attempt", found.id) };
}
const stateOf = async (id: string) => {
  const [row] = await connection.db.select().from(run).where(eq(run.id, id));
  return row?.state;
};

let seq = 0;
async function see(seen: object) {
  seq += 1;
  const said = Observation.parse({
    incarnation: "incarnation-1",
    seq,
    appliedRevision: 0,
    silence: { ms: 0, message: "" },
    ...seen,
  });
  await observe(connection.db, await defaultClusterId(connection.db), said);
}
const seeNodes = (...ids: string[]) => {
  const size = { cpus: 1, cpusUsed: 0, gpus: 0, gpusUsed: 0, gpuModel: null, gpuMemoryBytes: null };
  const nodes = ids.map((nodeId) => ({
    nodeId,
    pool: "local-cpu",
    address: "127.0.0.1",
    isHead: false,
    state: "active",
    ...size,
    memoryBytes: 1,
    diskBytes: null,
    cordoned: false,
    labels: {},
  }));
  return see({ cluster: { nodes, departed: [], pending: [], failed: [], demands: [], groups: [] } });
};
async function seeJob(id: string, state: string, exitCode: number | null = null) {
  const { jobId, id: attemptId } = await newest(id);
  await see({ jobs: [{ jobId, attemptId, state, exitCode, message: "" }] });
}
async function begin(id: string) {
  await admit();
  const { token, workerCount } = await newest(id);
  await seeJob(id, "running");
  const workers = NODES.slice(0, workerCount).map((nodeId, rank) => ({
    rank,
    nodeId,
    pid: 1,
    device: "cpu",
  }));
  expect((await post(token, "state", { state: "running", workers })).status).toBe(204);
}
async function checkpoint(id: string, step: number) {
  const { token } = await newest(id);
  const bytes = new TextEncoder().encode(`weights of ${id} at step ${step}`);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await storeBlob(token, sha256, bytes);
  await post(token, "checkpoints", { step, sha256, bytes: bytes.length, metrics: {} });
}
/** What the cluster is asked for: workers of each run, and those that nodes are held for. */
async function desired(id: string) {
  const { attempts } = await desiredState(connection.db, await defaultClusterId(connection.db));
  const found = attempts.find(({ runId }) => runId === id);
  return found && [found.jobId, found.resources.workers, found.reserve];
}
const CAUSE = { kind: "node_lost", message: "its node left", rank: 1, exitCode: null, evidence: "" };
/** A node is lost: the driver asks for the next attempt, then for room on the nodes that it sees. */
async function lose(id: string, alive: string[]) {
  const answer = await post((await newest(id)).token, "next-attempt", { cause: CAUSE, lastStep: 12 });
  const { token } = await answer.json();
  return roomFor(token, alive);
}
const roomFor = async (token: string, nodes: string[]) =>
  (await (await post(token, "room", { nodes })).json()).workers;
/** As if everything there is had been so for an hour. */
async function anHourPasses() {
  await connection.db.update(run).set({ growSince: sql`grow_since - interval '1 hour'` });
  await connection.db.update(attempt).set({ startedAt: sql`started_at - interval '1 hour'` });
}

it("is let in with what fits now, which is what the cluster, its driver and others are told", async () => {
  const [first, second, third] = [await launch(2, 2), await launch(1, 4), await launch(1, 1)];
  await admit();
  expect(await desired(first.id)).toEqual([`${first.id}-1`, 2, 2]);
  expect(await desired(second.id)).toEqual([`${second.id}-1`, 2, 2]);
  expect(await (await fetchSpec((await newest(second.id)).token)).json()).toMatchObject({
    resources: { workers: 2, cpus: 1, gpus: 0 },
  });
  expect(await desired(third.id)).toBeUndefined();
});

it("goes on with fewer after a loss, by what its driver sees, before the console knows of it", async () => {
  const { id, number } = await launch(1, 4);
  await begin(id);
  await checkpoint(id, 10);
  expect(await lose(id, ["n1", "n3", "head"])).toBe(2);
  expect(await desired(id)).toEqual([`${id}-1`, 2, 2]);
  const { attempts } = await detail(ctx, number);
  expect(attempts.map(({ workerCount, resumedStep }) => [workerCount, resumedStep])).toEqual([
    [4, null],
    [2, 10],
  ]);
  // Still no place: the driver asks again.
  const { token } = await newest(id);
  expect(await roomFor(token, [])).toBe(1);
  await post(token, "state", { state: "starting", workers: [] });
  expect(await roomFor(token, [])).toBe(1);
});

it("keeps all workers where it is not elastic, those that have room, and those that are placed", async () => {
  const [rigid, other] = [await launch(2, 2), await launch(1, 2)];
  await begin(rigid.id);
  expect(await lose(rigid.id, ["n1"])).toBe(2);
  await begin(other.id);
  expect(await roomFor((await newest(other.id)).token, [])).toBe(2);
  expect(await lose(other.id, NODES)).toBe(2);
  // Two of the three nodes that are left are another's.
  expect(await roomFor((await newest(other.id)).token, ["n1", "n2", "n3"])).toBe(1);
});

it("grows once there was room for a while: nodes are held, it leaves with a checkpoint, the next has more", async () => {
  const { id, number } = await launch(1, 4);
  await seeNodes("n1", "n2");
  await begin(id);
  await checkpoint(id, 10);
  await lose(id, ["n1"]);
  await begin(id);
  const before = await newest(id);
  await growing();
  expect(await desired(id)).toEqual([`${id}-1`, 1, 4]);
  await anHourPasses();
  await growing();
  expect(await desired(id)).toEqual([`${id}-1`, 1, 4]);
  await checkpoint(id, 20);
  await seeNodes("n1", "n5", "n6", "n7");
  await growing();
  expect(await desired(id)).toBeUndefined();
  const [entry] = await connection.db.select().from(auditEntry).orderBy(desc(auditEntry.createdAt)).limit(1);
  expect(entry).toMatchObject({ action: "run.grow_requested", actor: "controller", after: { workers: 4 } });
  // What it leaves for is its own: nobody is let in meanwhile.
  const other = await launch(1, 1);
  await admit();
  expect(await desired(other.id)).toBeUndefined();
  await checkpoint(id, 33);
  await seeJob(id, "succeeded", 0);
  expect(await desired(id)).toEqual([`${id}-3`, 4, 4]);
  const found = await detail(ctx, number);
  expect(found).toMatchObject({ state: "running", resumes: 1, growTo: null });
  expect(found.attempts[1]?.cause?.message).toBe("There was room for 4 workers: it left to go on with them.");
  expect(found.attempts[2]).toMatchObject({ resumedStep: 33, workerCount: 4 });
  // The attempt that left says nothing more.
  expect((await post(before.token, "next-attempt", { cause: CAUSE, lastStep: 40 })).status).toBe(409);
});

it("leaves room to who waits, and is not asked twice or by a controller that lost its lease", async () => {
  const { id } = await launch(1, 2);
  await begin(id);
  await lose(id, ["n1"]);
  await begin(id);
  await checkpoint(id, 10);
  await growing();
  expect((await desired(id))?.[2]).toBe(2);
  await anHourPasses();
  const waits = await launch(4, 4);
  await growing();
  expect(await desired(id)).toEqual([`${id}-1`, 1, 1]);
  await connection.db.delete(attempt).where(eq(attempt.runId, waits.id));
  await growing();
  await anHourPasses();
  const lost = growRunning(connection.db, async () => {
    throw new Error("the lease is another's");
  });
  await expect(lost).rejects.toThrow("the lease is another's");
  expect(await desired(id)).toEqual([`${id}-1`, 1, 2]);
  await growing();
  const asked = await connection.db.$count(auditEntry, eq(auditEntry.action, "run.grow_requested"));
  await growing();
  expect(await connection.db.$count(auditEntry, eq(auditEntry.action, "run.grow_requested"))).toBe(asked);
});

it("pauses instead when a person asks, and grows after the deadline when its workers say nothing", async () => {
  const [paused, hangs] = [await launch(1, 2), await launch(1, 2)];
  for (const { id } of [paused, hangs]) {
    await begin(id);
    await lose(id, []);
    await begin(id);
    await checkpoint(id, 10);
  }
  await growing();
  await anHourPasses();
  await growing();
  await requestPause(ctx, paused.id);
  await seeJob(paused.id, "succeeded", 0);
  expect(await stateOf(paused.id)).toBe("paused");
  await connection.db.update(run).set({ growRequestedAt: sql`grow_requested_at - interval '1 hour'` });
  await expireAttempts(connection.db, fence);
  expect(await desired(hangs.id)).toEqual([`${hangs.id}-3`, 2, 2]);
});
