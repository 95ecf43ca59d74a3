/** Staging: a lane of its own beside production, released to by one press, through a real gateway. */
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { and, eq } from "drizzle-orm";
import { beforeEach, expect, test, vi } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { replica } from "../../db/schema/releases";
import { mintConsoleToken } from "../gateway/console-token";
import { startGateway } from "../gateway/gateway";
import { startReplica } from "../gateway/testing";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { createCallerFactory } from "../platform/trpc/trpc";
import { approve } from "./decide";
import { drillRollback } from "./drill";
import { modelPage, overview, requestPage } from "./pages";
import { policyPage, previewPolicy, savePolicy } from "./policies";
import { SavePolicy, STAGING_RULES } from "./policy-contract";
import { reconcileReleases } from "./reconcile";
import { desiredReplicas } from "./replicas";
import { releasesRouter } from "./router";
import { setScaling } from "./scaling";
import { stageVersion } from "./service";
import { switchRelease } from "./switch";
import { joined, makeTeam, measured, replicasReady, requested, seen, serve, type TestTeam } from "./testing";
import { releaseUnopposed } from "./unopposed";
import { servingByModel } from "./views";

const KEY = "k".repeat(64);
const made = testConsole();
let t: TestTeam;
let staging: { model: string; modelId: string; environment: "staging" };

beforeEach(async () => {
  t = await makeTeam(made.db);
  staging = { ...t.production, environment: "staging" };
});
const v = (number: number) => {
  const found = t.versions[number - 1];
  if (!found) throw new Error(`there is no v${number}`);
  return found;
};

/** The whole way of a version into staging: pressed, measured, let through, prepared, published. */
async function staged(number: number, difference: number | null, addressOf?: (id: string) => string) {
  const request = await stageVersion(t.ines, { versionId: v(number).id });
  await measured(t, request.number, difference);
  await releaseUnopposed(made.db);
  await replicasReady(t, addressOf);
  await reconcileReleases(made.db);
  return request.number;
}
type Lane = typeof staging | TestTeam["production"];
const serves = async (lane: Lane) => (await modelPage(t.ines, lane)).serving?.version ?? null;
const press = async (lane: Lane) => {
  const { serving } = await modelPage(t.ines, lane);
  return { ...lane, from: serving?.id ?? "", key: randomUUID(), reason: "" };
};

test("a press releases to staging, which is asked under its own name; production does not notice", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lathe-staging-"));
  const [one, two] = await Promise.all([
    startReplica(v(1).digest, () => "r"),
    startReplica(v(2).digest, () => "r"),
  ]);
  const gateway = await startGateway({
    ...{ databaseUrl: process.env.DATABASE_URL ?? "", folder, host: "127.0.0.1", port: 0 },
    ...{ gatewayId: newId("gw"), serverKey: KEY, replicaToken: () => "r" },
    ...{ maxBodyBytes: 1 << 20, answerMs: 10_000 },
  });
  const ask = async (name: string) => {
    const answer = await fetch(`${gateway.url}/v2/models/${name}/infer`, {
      method: "POST",
      body: JSON.stringify({ inputs: [] }),
      headers: { authorization: `Bearer ${mintConsoleToken(t.ines.teamId, KEY, Date.now())}` },
    });
    const { headers, status } = answer;
    return [status, headers.get("x-lathe-version"), headers.get("x-lathe-environment")];
  };
  try {
    const number = await requested(t, v(1).id, null);
    await approve(t.mei, await seen(t, number));
    await replicasReady(t, () => one.address);
    await reconcileReleases(made.db);
    const before = await modelPage(t.ines, t.production);
    await staged(2, 0.002, () => two.address);
    await vi.waitFor(
      async () => expect(await ask("garment-cls@staging")).toEqual([200, "2", "staging"]),
      5_000,
    );
    expect(await ask("garment-cls%40staging")).toEqual([200, "2", "staging"]);
    expect(await ask("garment-cls")).toEqual([200, "1", "production"]);
    expect(await ask("other@staging")).toEqual([404, null, null]);

    const after = await modelPage(t.ines, t.production);
    expect(after.releases).toEqual(before.releases);
    expect(after.replicas).toEqual(before.replicas);
    const { lanes } = await overview(t.ines);
    expect(lanes).toMatchObject([
      { environment: "production", version: 1, ready: 1, desired: 1 },
      { environment: "staging", version: 2, ready: 1, desired: 1 },
    ]);
    expect(await servingByModel(made.db, t.ines.teamId, [t.modelId])).toEqual(
      new Map([[t.modelId, { versionNumber: 1, state: "ready" }]]),
    );
    const [cluster] = await made.db.select({ id: replica.clusterId }).from(replica);
    const names = (await desiredReplicas(made.db, cluster?.id ?? "")).map(
      (r) => `${r.modelName} v${r.versionNumber}`,
    );
    expect(names).toEqual(expect.arrayContaining(["garment-cls v1", "garment-cls@staging v2"]));
  } finally {
    await Promise.all([gateway.close(), one.close(), two.close()]);
    await rm(folder, { recursive: true });
  }
  // A gateway tells its counts with its last breath.
  const minutes = async (lane: Lane) =>
    (await modelPage(t.ines, lane)).minutes.map(({ version, requests }) => [version, requests]);
  expect(await minutes(staging)).toEqual([[2, 2]]);
  expect(await minutes(t.production)).toEqual([[1, 1]]);
});

test("a failing gate holds it up and says why, until staging's own policy bears it", async () => {
  await serve(t, v(1).id, null);
  const number = await staged(2, -0.05);
  expect(await serves(staging)).toBeNull();
  expect(await requestPage(t.ines, { number })).toMatchObject({
    state: "open",
    environment: "staging",
    approve: { kind: "gate", words: expect.stringMatching(/may be up to 5\.37 pt worse than production/) },
  });
  await expect(approve(t.mei, await seen(t, number))).rejects.toMatchObject({ code: "gate_blocks" });
  await expect(stageVersion(t.ines, { versionId: v(2).id })).rejects.toMatchObject({ code: "request_open" });

  const asked = await requested(t, v(3).id, -0.05);
  const rules = { ...STAGING_RULES, metrics: [] };
  const scope = { environment: "staging", modelId: null } as const;
  expect((await previewPolicy(t.mei, { ...scope, rules })).map((row) => row.number)).toEqual([number]);
  await savePolicy(t.mei, { ...scope, basedOn: 0, rules });
  expect((await policyPage(t.mei, { ...scope, environment: "production" })).revision).toBe(0);
  expect((await requestPage(t.mei, { number: asked })).approve).toMatchObject({ kind: "gate" });

  await releaseUnopposed(made.db);
  await replicasReady(t);
  await reconcileReleases(made.db);
  expect([await serves(staging), await serves(t.production)]).toEqual([2, 1]);
  expect(await requestPage(t.mei, { number })).toMatchObject({ state: "approved", decisions: [] });
});

test("a policy of staging may ask for people, one of production must", async () => {
  const rules = { ...STAGING_RULES, approvals: { count: 1, roles: [] } };
  await savePolicy(t.mei, { environment: "staging", modelId: t.modelId, basedOn: 0, rules });
  const number = await staged(1, null);
  expect(await serves(staging)).toBeNull();
  await approve(t.mei, await seen(t, number));
  await replicasReady(t);
  await reconcileReleases(made.db);
  expect(await serves(staging)).toBe(1);
  const save = { modelId: null, basedOn: 0, rules: STAGING_RULES };
  expect(SavePolicy.safeParse({ ...save, environment: "staging" }).success).toBe(true);
  expect(SavePolicy.safeParse({ ...save, environment: "production" }).error?.issues).toMatchObject([
    { path: ["rules", "approvals", "count"], message: "at least one person approves" },
  ]);
});

test("each lane goes back by itself, with replicas, scaling and drills of its own", async () => {
  for (const number of [1, 2]) await serve(t, v(number).id, number === 1 ? null : 0.002);
  for (const number of [2, 3]) await staged(number, 0.002);
  // v2 serves production and is kept warm in staging: not by the same process.
  const own = await made.db
    .select()
    .from(replica)
    .where(eq(replica.versionId, v(2).id));
  expect(own.map((r) => r.environment).toSorted()).toEqual(["production", "staging"]);
  await setScaling(t.mei, {
    modelId: t.modelId,
    environment: "staging",
    min: 2,
    max: 3,
    target: 4,
    idleMinutes: 15,
  });
  expect((await modelPage(t.mei, t.production)).scaling).toMatchObject({ min: 1, max: 1 });

  const production = await modelPage(t.mei, t.production);
  await switchRelease(t.mei, "rollback", await press(staging));
  expect([await serves(staging), await serves(t.production)]).toEqual([2, 2]);
  const { releases, arms } = await modelPage(t.mei, t.production);
  expect({ releases, arms }).toEqual({ releases: production.releases, arms: production.arms });

  await drillRollback(t.mei, t.production);
  expect((await modelPage(t.mei, staging)).drill).toBeNull();
  await switchRelease(t.mei, "rollback", await press(t.production));
  expect([await serves(staging), await serves(t.production)]).toEqual([2, 1]);
  const told = await made.db
    .select({ summary: auditEntry.summary })
    .from(auditEntry)
    .where(and(eq(auditEntry.teamId, t.ines.teamId), eq(auditEntry.action, "release.rolled_back")));
  expect(told.map(({ summary }) => summary)).toEqual([
    "Rolled back garment-cls staging from v3 to v2",
    "Rolled back garment-cls production from v2 to v1",
  ]);
});

function signedIn({ actor, teamId, teamSlug }: TestTeam["ines"]) {
  if (actor.kind !== "person") throw new Error("people sign in");
  const { id, name, roles } = actor;
  return {
    db: made.db,
    requestId: newId("req"),
    person: { id, name, email: `${id}@example.com` },
    display: async () => null,
    membership: async () => ({ teamId, teamSlug, teamName: teamSlug, roles: [...roles] }),
  };
}

test("an engineer releases to staging and takes it back, and does neither in production", async () => {
  await serve(t, v(1).id, null);
  for (const number of [1, 2]) await staged(number, 0.002);
  const dara = await joined(t, "Dara Osei", ["engineer"]);
  const viewer = await joined(t, "Viktor Hall", ["viewer"]);
  const as = (ctx: TestTeam["ines"]) => createCallerFactory(releasesRouter)(signedIn(ctx));
  const team = t.ines.teamSlug;
  const { environment: _, ...back } = await press(staging);
  await expect(as(viewer).staging.rollBack({ team, ...back })).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(as(viewer).staging.release({ team, versionId: v(3).id })).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
  await as(dara).staging.rollBack({ team, ...back });
  expect(await serves(staging)).toBe(1);
  await as(dara).staging.release({ team, versionId: v(3).id });
  await expect(as(dara).rollBack({ team, ...(await press(t.production)) })).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
  const number = await requested(t, v(2).id, 0.002);
  await expect(as(dara).approve({ team, ...(await seen(t, number)) })).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
});
