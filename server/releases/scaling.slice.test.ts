import { and, eq, isNull, sql } from "drizzle-orm";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { cluster, node } from "../../db/schema/cluster";
import { release, replica } from "../../db/schema/releases";
import { servingWindow } from "../../db/schema/rollouts";
import { scaling, wake } from "../../db/schema/scaling";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { registerFinishers } from "../runs/service";
import { modelPage } from "./pages";
import { reconcileReleases } from "./reconcile";
import { observeReplica } from "./replicas";
import { loadLane } from "./repo";
import { retryReplicas, setScaling } from "./scaling";
import { finishMeasurement } from "./service";
import { makeTeam, replicasReady, serve, type TestTeam } from "./testing";

const connection = testConsole();
let t: TestTeam;

beforeAll(() => registerFinishers({ evaluate: finishMeasurement }));
beforeEach(async () => {
  t = await makeTeam(connection.db, { versions: 1 });
});

const v1 = () => {
  const [found] = t.versions;
  if (!found) throw new Error("there is no v1");
  return found;
};
/** A look of the controller, `seconds` from now: pauses are over by then. */
const look = (seconds = 0) =>
  reconcileReleases(connection.db, undefined, () => new Date(Date.now() + seconds * 1000));
const desired = () =>
  connection.db
    .select()
    .from(replica)
    .where(and(eq(replica.modelId, t.modelId), isNull(replica.undesiredAt)))
    .orderBy(replica.createdAt);
const routed = async () =>
  (await loadLane(connection.db, t.ines.teamId, t.production)).routed?.arms[0]?.replicas.map(({ id }) => id);
const observed = (
  id: string,
  state: "ready" | "failed",
  values: { nodeId?: string; message?: string } = {},
) =>
  connection.db.transaction((tx) =>
    observeReplica(
      tx,
      {
        ...{ kind: "replica", id, state, message: values.message ?? "" },
        address: state === "ready" ? `http://127.0.0.1:9/${id}` : null,
        ...{ nodeId: values.nodeId ?? null, pid: null },
      },
      new Date(),
    ),
  );
const audited = async (action: string) =>
  (
    await connection.db
      .select()
      .from(auditEntry)
      .where(and(eq(auditEntry.teamId, t.ines.teamId), eq(auditEntry.action, action)))
  )[0];
async function crash(from: number, to: number): Promise<void> {
  for (let i = from; i <= to; i += 1) {
    for (const { id } of await desired()) await observed(id, "failed", { message: `exit code ${i}` });
    await look(60);
  }
}

test("a version whose replicas keep ending is given up with the cause on its page, until a press", async () => {
  await serve(t, v1().id, null);
  await crash(1, 4);
  expect(await desired()).toHaveLength(1);
  await crash(5, 5);
  await look(3600);
  expect(await desired()).toEqual([]);
  expect(await modelPage(t.mei, t.production)).toMatchObject({
    crews: [{ version: 1, wanted: 1, ready: 0, ends: 5, crashLoop: { ends: 5, cause: "exit code 5" } }],
  });
  expect(await audited("replicas.given_up")).toMatchObject({
    actorKind: "system",
    actor: "controller",
    after: { ends: 5, cause: "exit code 5" },
  });

  const input = { ...t.production, versionId: v1().id };
  await retryReplicas(t.mei, input);
  await look();
  expect(await desired()).toMatchObject([{ state: "starting" }]);
  expect(await audited("replicas.retried")).toMatchObject({ actor: t.mei.actor.id });
  await expect(retryReplicas(t.mei, input)).rejects.toThrow("No replicas of this version are given up.");
});

test("the requests in flight that gateways count start replicas; a lower bound lets them go, route first", async () => {
  await serve(t, v1().id, null);
  await setScaling(t.mei, {
    modelId: t.modelId,
    environment: "production",
    min: 1,
    max: 3,
    target: 4,
    idleMinutes: 15,
  });
  const window = { teamId: t.ines.teamId, modelId: t.modelId, versionId: v1().id, at: new Date() };
  const counts = { requests: 90, errors: 0, p50Us: 900, p99Us: 2000 };
  await connection.db.insert(servingWindow).values([
    { ...window, ...counts, gatewayId: "gw_1", inFlight: 5.5 },
    { ...window, ...counts, gatewayId: "gw_2", inFlight: 4 },
  ]);
  await look();
  expect(await desired()).toHaveLength(3);
  expect(await routed()).toHaveLength(1);
  await replicasReady(t);
  await look();
  expect(await routed()).toHaveLength(3);
  expect((await modelPage(t.mei, t.production)).crews).toMatchObject([
    { wanted: 3, ready: 3, inFlight: 9.5 },
  ]);

  await setScaling(t.mei, {
    modelId: t.modelId,
    environment: "production",
    min: 1,
    max: 2,
    target: 4,
    idleMinutes: 15,
  });
  await look();
  await look();
  expect([(await routed())?.length, (await desired()).length]).toEqual([2, 3]);
  await look();
  expect((await desired()).map(({ id }) => id).sort()).toEqual((await routed())?.sort());

  expect(await connection.db.select().from(scaling).where(eq(scaling.modelId, t.modelId))).toHaveLength(2);
  expect(await audited("replicas.scaled")).toMatchObject({
    before: { min: 1, max: 1, target: 8 },
    after: { min: 1, max: 3, target: 4 },
    actor: t.mei.actor.id,
  });
});

test("a replica on a draining node is succeeded before it goes; the route never loses its last one", async () => {
  await serve(t, v1().id, null);
  const [old] = await desired();
  const clusterId = old?.clusterId ?? "";
  expect(await connection.db.select().from(cluster).where(eq(cluster.id, clusterId))).toHaveLength(1);
  await connection.db.insert(node).values({
    id: newId("nod"),
    clusterId,
    nodeId: old?.nodeId ?? "",
    name: "cpu-1",
    pool: "cpu",
    isHead: false,
    state: "draining",
    cpus: 4,
    gpus: 0,
    memoryBytes: 1,
    observed: {},
  });
  await look();
  const [, next] = await desired();
  expect([await routed(), next?.state]).toEqual([[old?.id], "starting"]);
  await observed(next?.id ?? "", "ready", { nodeId: "another" });
  const seen: unknown[] = [];
  for (let i = 0; i < 3; i += 1) {
    await look();
    seen.push([await routed(), (await desired()).length]);
  }
  expect(seen.at(-1)).toEqual([[next?.id], 1]);
  // Out of the route while it still ran.
  expect(seen).toContainEqual([[next?.id], 2]);
  await connection.db.delete(node).where(sql`${node.clusterId} = ${clusterId}`);
});

test("nobody changes the replicas of another team's model", async () => {
  const other = await makeTeam(connection.db, { versions: 1 });
  const input = { ...other.production, min: 1, max: 3, target: 4, idleMinutes: 15 };
  await expect(setScaling(t.mei, input)).rejects.toThrow("There is no such model");
  await expect(retryReplicas(t.mei, { ...other.production, versionId: v1().id })).rejects.toThrow(
    "There is no such model",
  );
});

test("a model that nobody asks sleeps, wakes on a request, and its page tells both with the last cold start", async () => {
  await serve(t, v1().id, null);
  await setScaling(t.mei, {
    modelId: t.modelId,
    environment: "production",
    min: 0,
    max: 2,
    target: 4,
    idleMinutes: 5,
  });
  await look(240);
  expect(await routed()).toHaveLength(1);
  for (let i = 0; i < 3; i += 1) await look(320);
  expect([await routed(), await desired()]).toEqual([[], []]);
  const asked = { teamId: t.ines.teamId, modelId: t.modelId, versionId: v1().id, gatewayId: "gw_1" };
  const earlier = new Date(Date.now() - 3_600_000);
  await connection.db
    .insert(wake)
    .values({ ...asked, id: newId("wak"), askedAt: earlier, coldStartMs: 4200 });
  await connection.db.update(release).set({ servingAt: earlier }).where(eq(release.modelId, t.modelId));
  const crew = async () => (await modelPage(t.mei, t.production)).crews[0];
  expect(await crew()).toMatchObject({ isAsleep: true, wakesSince: null, coldStartMs: 4200 });

  await connection.db.insert(wake).values({ ...asked, id: newId("wak") });
  await look();
  expect(await desired()).toMatchObject([{ state: "starting" }]);
  expect(await crew()).toMatchObject({ isAsleep: false, wakesSince: expect.any(Date), coldStartMs: 4200 });
  await replicasReady(t);
  await look();
  expect(await routed()).toHaveLength(1);
  expect(await audited("replicas.scaled")).toMatchObject({
    before: { min: 1, max: 1, target: 8, idleMinutes: 15 },
    after: { min: 0, max: 2, target: 4, idleMinutes: 5 },
    summary: expect.stringContaining("none after 5 idle minutes"),
  });
});
