/** What waits is told why, from what the cluster and the queue really are. */
import { sql } from "drizzle-orm";
import { beforeEach, expect, it } from "vitest";
import { replica } from "../../db/schema/releases";
import { studioSession } from "../../db/schema/studio";
import type { TeamContext } from "../platform/context";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { makeTeam as makeModelTeam } from "../releases/testing";
import { admitWaiting, createRun } from "../runs/service";
import { makeTeam, TRAINING } from "../runs/testing";
import { overview, waiting } from "./service";
import { type Played, playCluster } from "./testing";

const connection = testConsole({ LATHE_POOL_MAX: "2" });

let ctx: TeamContext;
let played: Played;
beforeEach(async () => {
  await connection.db.execute(
    sql`truncate run, attempt, replica, studio_session, node, node_interval cascade`,
  );
  ctx = await makeTeam(connection.db);
  played = await playCluster(connection.db, Date.now());
  played.agent.restart();
});

const ask = (workers: number, minWorkers = workers) =>
  connection.db.transaction((tx) =>
    createRun(tx, ctx, { ...TRAINING, resources: { workers, minWorkers, cpus: 1, gpus: 0 } }),
  );
const whys = async () => (await overview(ctx)).waiting.map(({ why }) => why);

it("tells a run that is let in what starts for it, and those behind it whom they wait for", async () => {
  const { agent } = played;
  await ask(2);
  await ask(1);
  await ask(1);
  await admitWaiting(connection.db, async () => {});
  agent.pending = [{ pool: "local-cpu", count: 2, message: "Starting" }];
  await agent.tell();
  expect((await whys()).map(({ cause, says }) => [cause, says])).toEqual([
    ["starting", "Wants 2 × 1 CPU; no node is up. 2 nodes of local-cpu are starting."],
    ["limit", expect.stringContaining("local-cpu is at its limit of 2 nodes")],
    ["queue", expect.stringContaining("after the run before it in the queue")],
  ]);
});

it("asks for as few workers as an elastic run may have, and for the max at which they fit", async () => {
  const { agent } = played;
  const [first, second] = agent.join("local-cpu", 2);
  if (!first || !second) throw new Error("two nodes joined");
  for (const node of [first, second]) agent.nodes.set(node.nodeId, { ...node, cpusUsed: 1 });
  await agent.tell();
  await ask(4, 2);
  expect(await whys()).toMatchObject([
    { cause: "limit", missing: 2, remedies: [{ kind: "raise", pool: "local-cpu", to: 4 }, { kind: "stop" }] },
  ]);
});

it("tells a session and a replica the same way, each with what helps it", async () => {
  const t = await makeModelTeam(connection.db, { versions: 1 });
  const of = { clusterId: played.clusterId, teamId: t.ines.teamId, versionId: t.versions[0]?.id ?? "" };
  await connection.db
    .insert(studioSession)
    .values({ ...of, id: newId("ses"), datasetId: t.datasetId, createdBy: "x" });
  await connection.db
    .insert(replica)
    .values({ ...of, id: newId("rpl"), modelId: t.modelId, environment: "production" });
  const { agent } = played;
  agent.join("local-cpu", 2);
  await agent.tell();
  const told = (await overview(t.ines)).waiting;
  expect(told.map(({ kind, path, why }) => [kind, path, why.cause, why.remedies])).toEqual([
    [
      "session",
      "models/garment-cls/v/1/studio",
      "limit",
      [{ kind: "raise", pool: "local-cpu", to: 3 }, { kind: "stop" }],
    ],
    [
      "replica",
      "releases/garment-cls",
      "limit",
      [{ kind: "raise", pool: "local-cpu", to: 3 }, { kind: "stop" }],
    ],
  ]);
  expect(told.map(({ why }) => why.says)).toEqual([
    expect.stringMatching(
      /^Wants 1 CPU; no node has room: local-cpu-[12] comes closest with no resources free\./,
    ),
    expect.stringMatching(/^Wants 0.1 CPUs; no node has room/),
  ]);
  expect(await waiting(t.ines)).toMatchObject([{ kind: "session" }, { kind: "replica" }]);
});

it("tells a team of its own alone, in the words of the cluster's page", async () => {
  await ask(4);
  const other = await makeTeam(connection.db);
  expect(await waiting(other)).toEqual([]);
  const [own] = await waiting(ctx);
  expect(own).toMatchObject({ kind: "run", why: (await whys())[0] });
});
