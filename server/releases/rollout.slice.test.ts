import { randomUUID } from "node:crypto";
import { createServer, type Server } from "node:http";
import { and, desc, eq } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { z } from "zod";
import { auditEntry } from "../../db/schema/audit";
import { version } from "../../db/schema/models";
import { release, replica, routeTable } from "../../db/schema/releases";
import { drill, rollout, servingWindow, shadowMinute } from "../../db/schema/rollouts";
import { RouteTable } from "../gateway/contract";
import { inspection } from "../models/testing/examples";
import { testConsole } from "../platform/testing/console";
import { drillDue, drillRollback } from "./drill";
import { modelPage, requestForm, requestPage } from "./pages";
import { productionNow } from "./production";
import { reconcileReleases } from "./reconcile";
import type { Move, Strategy } from "./rollout-contract";
import { rolloutPage } from "./rollout-page";
import { moveByHand } from "./rollout-service";
import { evidenceOf, servedAt } from "./served-at";
import { approve } from "./service";
import { switchRelease } from "./switch";
import { makeTeam, replicasReady, requested, seen, serve, type TestTeam } from "./testing";

const connection = testConsole();
let t: TestTeam;

const CANARY: z.input<typeof Strategy> = {
  kind: "canary",
  steps: [5, 25, 100],
  bakeMinutes: 10,
  auto: false,
};
const v = (number: number) => {
  const found = t.versions[number - 1];
  if (!found) throw new Error(`there is no v${number}`);
  return found;
};
const route = async () => {
  const [table] = await connection.db.select().from(routeTable).orderBy(desc(routeTable.revision)).limit(1);
  return RouteTable.parse(table?.routes).routes.find((r) => r.modelId === t.modelId);
};
/** "v1 95, v2 5": what gateways are told. */
const weights = async () =>
  (await route())?.arms.map((arm) => `v${arm.version.number} ${arm.weight}`).join(", ");
const page = async () => {
  const found = await rolloutPage(t.mei, t.production);
  if (!found) throw new Error("the model has no rollout");
  return found;
};
const press = async (move: Move, seenAt?: { phase: "canary" | "shadow"; step: number }) => {
  const { id, phase, step } = await page();
  await moveByHand(t.mei, { rolloutId: id, phase, step, ...seenAt, move, reason: "" });
};
const stateOf = async (releaseId: string) =>
  (await connection.db.select().from(release).where(eq(release.id, releaseId)))[0];
const lastAudit = async () =>
  (
    await connection.db
      .select()
      .from(auditEntry)
      .where(eq(auditEntry.teamId, t.ines.teamId))
      .orderBy(desc(auditEntry.seq))
      .limit(1)
  )[0];
const inMinutes = (n: number) => () => new Date(Date.now() + n * 60_000);
/** Two minutes of counts, as the gateways store them. */
const count = (versionId: string, requests: number, errors: number) =>
  connection.db.insert(servingWindow).values(
    Array.from({ length: 12 }, (_, i) => ({
      teamId: t.ines.teamId,
      modelId: t.modelId,
      versionId,
      gatewayId: "gw",
      at: new Date(Math.floor(Date.now() / 10_000) * 10_000 + i * 10_000),
      requests,
      errors,
      p50Us: 1000,
      p99Us: 2000,
    })),
  );

let first: string;
beforeEach(async () => {
  t = await makeTeam(connection.db);
  first = await serve(t, v(1).id, null);
});

describe("a version with another signature", () => {
  const takes = (versionId: string, shape: (number | null)[]) =>
    connection.db
      .update(version)
      .set({ inspection: { ...inspection, inputs: [{ name: "image", dtype: "float32", shape }] } })
      .where(eq(version.id, versionId));
  const SHADOW = { kind: "shadow", percent: 20, minutes: 30 } as const;

  it("is refused a canary and a shadow, with the field that differs, and warned of where all moves at once", async () => {
    await takes(v(1).id, [null, 1, 28, 28]);
    await takes(v(2).id, [null, 784]);
    const words = "input “image” is float32 [-1, 784] in v2 and float32 [-1, 1, 28, 28] in v1";
    for (const strategy of [CANARY, SHADOW]) {
      await expect(requested(t, v(2).id, 0.001, undefined, strategy)).rejects.toMatchObject({
        code: "signature_differs",
        message: `A ${strategy.kind} of v2 would break clients of v1: ${words}.`,
      });
    }
    expect(await requestForm(t.ines, { versionId: v(2).id })).toMatchObject({
      breaks: { canary: words, shadow: words },
    });
    const number = await requested(t, v(2).id, 0.001);
    expect(await requestPage(t.mei, { number })).toMatchObject({ breaks: words, approve: null });
  });

  it("is refused its approval when what serves came to differ since it was asked for", async () => {
    const number = await requested(t, v(2).id, 0.001, undefined, CANARY);
    await takes(v(1).id, [null, 784]);
    await expect(approve(t.mei, await seen(t, number))).rejects.toMatchObject({ code: "signature_differs" });
    expect(await requestPage(t.mei, { number })).toMatchObject({ state: "open" });
  });
});

describe("a canary", () => {
  let second: string;
  beforeEach(async () => {
    second = await serve(t, v(2).id, 0.001, CANARY);
  });

  it("is part of what the approver sees, and goes by presses from its first share to all of the traffic", async () => {
    expect(await requestPage(t.mei, { number: 2 })).toMatchObject({ strategy: { kind: "canary" } });
    expect(await weights()).toBe("v1 95, v2 5");
    expect((await modelPage(t.mei, t.production)).serving).toMatchObject({ version: 1 });
    await reconcileReleases(connection.db, undefined, inMinutes(60));
    expect(await weights()).toBe("v1 95, v2 5");
    await press("next");
    expect(await weights()).toBe("v1 75, v2 25");
    expect(await lastAudit()).toMatchObject({
      action: "rollout.advanced",
      actor: t.mei.actor.id,
      summary: "Brought garment-cls v2 to 25% of the requests",
    });
    await press("back");
    expect(await page()).toMatchObject({ phase: "canary", step: 0, isHeld: true });
    await press("next");
    await press("next");
    expect(await weights()).toBe("v2 100");
    expect(await stateOf(second)).toMatchObject({ state: "serving" });
    expect(await stateOf(first)).toMatchObject({ state: "replaced" });
    await reconcileReleases(connection.db, undefined, inMinutes(11));
    expect(await page()).toMatchObject({ phase: "done", endedAt: expect.any(Date) });
    expect(await weights()).toBe("v2 100");
  });

  it("is aborted, and production is what it was", async () => {
    await press("abort");
    expect(await weights()).toBe("v1 100");
    expect(await stateOf(second)).toMatchObject({ state: "failed" });
    await reconcileReleases(connection.db);
    expect(await weights()).toBe("v1 100");
  });

  it("ends at once with a roll back, which is a revision like any other", async () => {
    await press("next");
    const { rollback } = await modelPage(t.mei, t.production);
    expect(rollback).toMatchObject({ target: { version: 1 }, isWarm: true });
    const done = await switchRelease(t.mei, "rollback", {
      ...t.production,
      from: first,
      to: rollback.target?.releaseId,
      key: randomUUID(),
      reason: "",
    });
    expect(await weights()).toBe("v1 100");
    expect((await modelPage(t.mei, t.production)).serving).toMatchObject({
      id: done.releaseId,
      kind: "rollback",
      fromVersion: 2,
    });
    expect(await page()).toMatchObject({ phase: "aborted" });
    await expect(press("next", { phase: "canary", step: 1 })).rejects.toMatchObject({
      code: "rollout_elsewhere",
    });
    await reconcileReleases(connection.db, undefined, inMinutes(60));
    expect(await weights()).toBe("v1 100");
  });

  it("pressed on by two people at once goes one step", async () => {
    const both = await Promise.allSettled([
      press("next", { phase: "canary", step: 0 }),
      press("next", { phase: "canary", step: 0 }),
    ]);
    expect(both.map((one) => one.status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(await weights()).toBe("v1 75, v2 25");
  });

  it("pressed on and rolled back at once: one wins, the other is told", async () => {
    await press("next");
    const back = { ...t.production, from: first, key: randomUUID(), reason: "" };
    const both = await Promise.allSettled([
      press("next", { phase: "canary", step: 1 }),
      switchRelease(t.ines, "rollback", back),
    ]);
    const refused = both.find((one) => one.status === "rejected");
    expect(refused).toMatchObject({ reason: { kind: "conflict" } });
    expect(["v1 100", "v2 100"]).toContain(await weights());
    const rows = await connection.db
      .select()
      .from(release)
      .where(and(eq(release.modelId, t.modelId), eq(release.state, "serving")));
    expect(rows).toHaveLength(1);
  });

  it("is taken away by the rule that fires, with its data in the audit, and not twice", async () => {
    await count(v(1).id, 200, 0);
    await count(v(2).id, 20, 2);
    await reconcileReleases(connection.db, undefined, inMinutes(1.5));
    expect(await weights()).toBe("v1 100");
    const words = "10% of 120 requests, the other version 0%";
    expect(await page()).toMatchObject({ phase: "aborted", fired: { rule: "errors", words } });
    expect(await lastAudit()).toMatchObject({
      actor: "alarm",
      action: "rollout.aborted",
      summary: `Ended the rollout of garment-cls v2: alarm: ${words}`,
      after: { rule: { data: { candidate: expect.any(Array) } } },
    });
    const before = await lastAudit();
    await reconcileReleases(connection.db, undefined, inMinutes(1));
    expect(await lastAudit()).toEqual(before);
  });

  it("that serves alone is rolled back by the rule while it is watched", async () => {
    await press("next");
    await press("next");
    await count(v(2).id, 20, 2);
    await reconcileReleases(connection.db, undefined, inMinutes(1));
    expect(await weights()).toBe("v1 100");
    expect(await lastAudit()).toMatchObject({ actor: "alarm", action: "release.rolled_back" });
    expect(await page()).toMatchObject({ phase: "aborted", fired: { rule: "errors" } });
  });

  it("gives way to a newer approval", async () => {
    const number = await requested(t, v(3).id, 0.001);
    await approve(t.mei, await seen(t, number));
    await replicasReady(t);
    await reconcileReleases(connection.db);
    expect(await weights()).toBe("v3 100");
    expect(await stateOf(second)).toMatchObject({ state: "failed", message: "Overtaken by revision 3." });
    const live = await connection.db.select().from(rollout).where(eq(rollout.releaseId, second));
    expect(live).toMatchObject([{ phase: "aborted" }]);
  });

  it("tells who served at a moment, with who let it, and as a file", async () => {
    const at = new Date();
    await press("next");
    const served = await servedAt(t.mei, { ...t.production, at });
    expect(served.arms).toMatchObject([
      { version: 1, digest: v(1).digest, weight: 95, approvedBy: ["Mei Tanaka"] },
      { version: 2, digest: v(2).digest, weight: 5, approvedBy: ["Mei Tanaka"] },
    ]);
    expect((await servedAt(t.mei, { ...t.production, at: new Date(0) })).arms).toEqual([]);
    const file = await evidenceOf(t.mei, { ...t.production, at, format: "csv" });
    expect(file.text.split("\r\n")[2]).toContain(`,2,${v(2).digest},5,false,2,promotion,Mei Tanaka,0,0`);
    expect(await lastAudit()).toMatchObject({ action: "release.evidence_taken", actor: t.mei.actor.id });
  });
});

it("a shadow is mirrored to, serves at once after its time, and ends where its answers differ", async () => {
  const strategy = { kind: "shadow", percent: 20, minutes: 30 } as const;
  const second = await serve(t, v(2).id, 0.001, strategy);
  expect(await route()).toMatchObject({
    arms: [{ weight: 100 }],
    shadow: { percent: 20, version: { number: 2 } },
  });
  await reconcileReleases(connection.db, undefined, inMinutes(31));
  expect(await route()).toMatchObject({ arms: [{ version: { number: 2 } }], shadow: null });
  expect(await stateOf(second)).toMatchObject({ state: "serving" });

  const third = await serve(t, v(3).id, 0.001, strategy);
  await connection.db.insert(shadowMinute).values({
    teamId: t.ines.teamId,
    modelId: t.modelId,
    versionId: v(3).id,
    referenceId: v(2).id,
    gatewayId: "gw",
    minute: new Date(Math.floor(Date.now() / 60_000) * 60_000),
    compared: 200,
    agreed: 150,
    notCompared: 0,
    dropped: 0,
    p50Us: 900,
    p99Us: 2000,
    referenceP50Us: 1000,
    referenceP99Us: 2000,
  });
  expect(await productionNow(connection.db, t.ines.teamId)).toMatchObject([
    { version: 2, shadow: { version: 3, compared: 200, agreed: 150 } },
  ]);
  await reconcileReleases(connection.db);
  expect(await productionNow(connection.db, t.ines.teamId)).toMatchObject([{ version: 2, shadow: null }]);
  expect(await stateOf(third)).toMatchObject({ state: "failed" });
  expect(await page()).toMatchObject({
    phase: "aborted",
    fired: { rule: "agreement", words: "75% of 200 compared" },
  });
});

it("with nothing to compare it with, a first release takes over at once", async () => {
  t = await makeTeam(connection.db);
  await serve(t, v(1).id, null, CANARY);
  expect(await weights()).toBe("v1 100");
  expect(await page()).toMatchObject({ phase: "done" });
});

describe("a drill", () => {
  let target: Server;
  const asked: { path: string | undefined; authorization: string | undefined; body: string }[] = [];
  beforeEach(async () => {
    asked.length = 0;
    target = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(Buffer.from(part));
      const { authorization } = request.headers;
      asked.push({ path: request.url, authorization, body: Buffer.concat(parts).toString() });
      const inputs = [{ name: "x", datatype: "FP32", shape: [-1, 3] }];
      response.end(JSON.stringify(request.url === "/metadata" ? { name: "m", inputs } : { outputs: [] }));
    });
    await new Promise<void>((resolve) => target.listen(0, "127.0.0.1", resolve));
    const place = target.address();
    if (typeof place !== "object" || !place) throw new Error("the replica has no port");
    await serve(t, v(2).id, 0.001);
    await connection.db
      .update(replica)
      .set({ address: `http://127.0.0.1:${place.port}` })
      .where(eq(replica.versionId, v(1).id));
  });
  afterEach(() => {
    target.closeAllConnections();
    target.close();
  });

  it("asks the warm target for an answer of its signature, keeps both times, and moves nothing", async () => {
    const before = await connection.db.select().from(routeTable);
    await drillRollback(t.mei, t.production);
    const inputs = [{ name: "x", datatype: "FP32", shape: [1, 3], data: [0, 0, 0] }];
    expect(asked).toMatchObject([
      { path: "/metadata" },
      { path: "/infer", body: JSON.stringify({ inputs }) },
    ]);
    expect(asked[1]?.authorization).toMatch(/^Bearer ./);
    expect(await connection.db.select().from(routeTable)).toEqual(before);
    const { drill: last } = await modelPage(t.mei, t.production);
    expect(last).toMatchObject({ by: t.mei.actor.id, isWarm: true, message: "" });
    expect(last?.planUs).toBeGreaterThan(0);
    expect(last?.answerUs).toBeGreaterThan(0);
    expect(await lastAudit()).toMatchObject({ action: "release.drilled" });
  });

  it("comes once a day by itself, for what has served a while", async () => {
    const before = await connection.db.$count(drill);
    await drillDue(connection.db);
    expect(await connection.db.$count(drill)).toBe(before);
    await connection.db
      .update(release)
      .set({ servingAt: new Date(Date.now() - 3_600_000) })
      .where(eq(release.teamId, t.ines.teamId));
    await drillDue(connection.db);
    await drillDue(connection.db);
    expect(asked).toHaveLength(2);
  });

  it("says that the target is not warm", async () => {
    await connection.db
      .update(replica)
      .set({ state: "failed" })
      .where(eq(replica.versionId, v(1).id));
    expect(await drillRollback(t.mei, t.production)).toMatchObject({
      isWarm: false,
      answerUs: null,
      message: "v1 has no ready replica",
    });
  });
});
