/** A node is taken out of service: who is told what, and that work moves. */
import { desc, eq, sql } from "drizzle-orm";
import { beforeEach, expect, it } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { node, scalingDecision } from "../../db/schema/cluster";
import { replica } from "../../db/schema/releases";
import { attempt } from "../../db/schema/runs";
import { studioSession } from "../../db/schema/studio";
import type { TeamContext } from "../platform/context";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { deriveToken } from "../platform/tokens";
import { makeTeam as makeModelTeam } from "../releases/testing";
import { admitWaiting, createRun, moveFromDraining } from "../runs/service";
import { makeTeam, post, TRAINING } from "../runs/testing";
import { decision, nodePage, overview, takeOut, takeOutPreview } from "./service";
import { type Played, playCluster } from "./testing";

const connection = testConsole({ LATHE_POOL_MAX: "4" });
const fence = async () => {};
const REASON = "its disk fails";

let ctx: TeamContext;
let played: Played;
beforeEach(async () => {
  await connection.db.execute(
    sql`truncate run, attempt, replica, studio_session, node, node_interval, scaling_decision cascade`,
  );
  ctx = await makeTeam(connection.db);
  played = await playCluster(connection.db, Date.now());
  played.agent.restart();
});

const attemptsOf = (runId: string) =>
  connection.db.select().from(attempt).where(eq(attempt.runId, runId)).orderBy(attempt.number);

/** A training whose one worker runs on the only node. */
async function trainOn() {
  const { agent } = played;
  const [joined] = agent.join("local-cpu", 1);
  if (!joined) throw new Error("a node joined");
  await agent.tell();
  const resources = { workers: 1, cpus: 1, gpus: 0 };
  const run = await connection.db.transaction((tx) => createRun(tx, ctx, { ...TRAINING, resources }));
  await admitWaiting(connection.db, fence);
  await agent.pull();
  await agent.tell();
  const [first] = await attemptsOf(run.id);
  const workers = [{ rank: 0, nodeId: joined.nodeId, pid: 1, device: "cpu" }];
  await post(deriveToken("attempt", first?.id ?? ""), "state", { state: "running", workers });
  const [row] = await connection.db.select().from(node);
  if (!row) throw new Error("the node has a row");
  return { run, row, joined };
}

it("says what will move and when, and moves it: the training goes on elsewhere, the node leaves as drained", async () => {
  const { agent } = played;
  const { run, row, joined } = await trainOn();
  const preview = await takeOutPreview(ctx, { id: row.id });
  expect(preview).toMatchObject({
    drain: [{ kind: "run", id: run.id, when: "now" }],
    cordon: [{ when: "stays" }],
  });

  await takeOut(ctx, { id: row.id, wish: "drain", reason: REASON });
  const [entry] = await connection.db.select().from(auditEntry).orderBy(desc(auditEntry.seq)).limit(1);
  expect(entry).toMatchObject({ action: "node.drained", summary: `Drained ${row.name}: ${REASON}` });
  await moveFromDraining(connection.db, fence);
  expect(await attemptsOf(run.id)).toMatchObject([{ state: "running" }]);
  await agent.pull();
  expect(agent.desired?.nodes).toEqual([{ nodeId: joined.nodeId, wish: "drain", reason: REASON }]);
  await agent.tell();
  expect((await overview(ctx)).counts).toMatchObject({ up: 1, active: 0, draining: 1 });

  // Only now is it sure that the next attempt does not land where the last one was.
  await moveFromDraining(connection.db, fence);
  await agent.pull();
  await agent.tell();
  expect(await attemptsOf(run.id)).toMatchObject([
    { state: "stopped", cause: { message: expect.stringContaining("go on elsewhere") } },
    { state: "placing", number: 2, workerCount: 1 },
  ]);
  await agent.pull();
  expect(agent.desired?.attempts).toMatchObject([{ runId: run.id, jobId: `${run.id}-2` }]);

  agent.nodes.set(joined.nodeId, { ...joined, cpusUsed: 0 });
  agent.cordon(joined.nodeId, true);
  await agent.tell();
  const [left] = await connection.db
    .select()
    .from(scalingDecision)
    .orderBy(desc(scalingDecision.id))
    .limit(1);
  expect(left).toMatchObject({ cause: "drained", reason: `${row.name} was drained: ${REASON}` });
  const page = await nodePage(ctx, { id: row.id });
  expect(page).toMatchObject({ state: "gone", endReason: "drained", occupants: [], works: [{ id: run.id }] });
  expect(page.states.map(({ state }) => state)).toEqual(["draining", "active"]);
  expect(await decision(ctx, { id: left?.id ?? 0 })).toMatchObject({
    works: [{ id: run.id }],
    nodes: [{ id: row.id }],
  });
});

it("a preempted node's training moves as well, though nobody here asked for it", async () => {
  const { agent } = played;
  const { run, joined } = await trainOn();
  agent.cordon(joined.nodeId, true);
  await agent.tell();
  await moveFromDraining(connection.db, fence);
  await agent.pull();
  await agent.tell();
  expect(await attemptsOf(run.id)).toMatchObject([{ state: "stopped" }, { state: "placing", number: 2 }]);
});

it("says of each kind of work what becomes of it, and names who drained the node", async () => {
  const { agent } = played;
  const t = await makeModelTeam(connection.db, { versions: 1 });
  const [joined] = agent.join("local-cpu", 1);
  await agent.tell();
  const [row] = await connection.db.select().from(node);
  if (!joined || !row) throw new Error("a node joined");
  const of = { clusterId: played.clusterId, nodeId: joined.nodeId, teamId: t.ines.teamId };
  const versionId = t.versions[0]?.id ?? "";
  await connection.db
    .insert(studioSession)
    .values({ ...of, id: newId("ses"), versionId, datasetId: t.datasetId, state: "ready", createdBy: "x" });
  await connection.db.insert(replica).values({
    ...of,
    id: newId("rpl"),
    versionId,
    modelId: t.modelId,
    environment: "production",
    state: "ready",
  });
  const { drain, cordon } = await takeOutPreview(t.mei, { id: row.id });
  expect(drain.map(({ kind, when, says }) => [kind, when, says])).toEqual([
    ["session", "stays", expect.stringContaining("until it is closed")],
    ["replica", "successor", expect.stringContaining("until its successor elsewhere is ready")],
  ]);
  expect(cordon.every(({ when }) => when === "stays")).toBe(true);
  // Another team's operator is told of all of it, and whose it is of none.
  const strangers = (await takeOutPreview(ctx, { id: row.id })).drain;
  expect(strangers.map(({ label, path }) => [label, path])).toEqual([
    ["a session of another team", ""],
    ["a replica of another team", ""],
  ]);
  await takeOut(t.mei, { id: row.id, wish: "drain", reason: REASON });
  agent.leave(joined.nodeId, "drained");
  await agent.tell();
  const [left] = await connection.db
    .select()
    .from(scalingDecision)
    .where(eq(scalingDecision.cause, "drained"));
  expect(left?.reason).toBe(`${row.name} was drained by Mei Tanaka: ${REASON}`);
});

it("a cordon moves nothing, may become a drain and no less, and the head stays", async () => {
  const { agent } = played;
  const { run, row } = await trainOn();
  await takeOut(ctx, { id: row.id, wish: "cordon", reason: REASON });
  await agent.pull();
  await agent.tell();
  expect((await overview(ctx)).nodes).toMatchObject([{ state: "active", cordoned: true, wish: "cordon" }]);
  await moveFromDraining(connection.db, fence);
  expect(await attemptsOf(run.id)).toMatchObject([{ state: "running" }]);
  await takeOut(ctx, { id: row.id, wish: "drain", reason: REASON });
  for (const wish of ["cordon", "drain"] as const)
    await expect(takeOut(ctx, { id: row.id, wish, reason: REASON })).rejects.toMatchObject({
      code: "taken_out_already",
    });
  const [head] = agent.join("head", 1);
  if (head) agent.nodes.set(head.nodeId, { ...head, isHead: true });
  await agent.tell();
  const headRow = (await overview(ctx)).nodes.find(({ isHead }) => isHead);
  await expect(takeOut(ctx, { id: headRow?.id ?? "", wish: "drain", reason: REASON })).rejects.toMatchObject({
    code: "head_stays",
  });
});
