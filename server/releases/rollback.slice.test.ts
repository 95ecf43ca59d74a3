/** Going back is one step, whoever presses and however often, and leaves nothing half-done. */
import { randomUUID } from "node:crypto";
import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, it } from "vitest";
import { release, replica } from "../../db/schema/releases";
import { testConsole } from "../platform/testing/console";
import { registerFinishers } from "../runs/service";
import { modelPage } from "./pages";
import { reconcileReleases } from "./reconcile";
import { approve, finishMeasurement } from "./service";
import { switchRelease } from "./switch";
import {
  makeTeam,
  numbered,
  replicasReady,
  requested,
  routeOf,
  seen,
  serve,
  servedOf,
  type TestTeam,
} from "./testing";

const connection = testConsole();
registerFinishers({ evaluate: finishMeasurement });
let t: TestTeam;
beforeEach(async () => {
  t = await makeTeam(connection.db);
});

const v = (number: number) => numbered(t, number);
const serving = () => servedOf(t);
const route = () => routeOf(t);
const press = (from: string) => ({ ...t.production, from, key: randomUUID(), reason: "" });

describe("rolling back", () => {
  it("is one transaction: release, route, audit; the page offers the way forward", async () => {
    await serve(t, v(1).id, null);
    const second = await serve(t, v(2).id, 0.001);
    const done = await switchRelease(t.mei, "rollback", press(second));
    expect(await serving()).toEqual([v(1).id]);
    expect(await route()).toMatchObject({ version: { number: 1 }, releaseId: done.releaseId });
    const page = await modelPage(t.mei, t.production);
    expect(page.serving).toMatchObject({ kind: "rollback", version: 1, fromVersion: 2, by: "Mei Tanaka" });
    expect(page.rollback.target).toBeNull();
    expect(page.forward).toMatchObject({ target: { version: 2 }, isWarm: true });
    const again = await switchRelease(t.mei, "forward", press(done.releaseId));
    expect(await serving()).toEqual([v(2).id]);
    expect((await modelPage(t.mei, t.production)).rollback).toMatchObject({
      target: { version: 1 },
      isWarm: true,
    });
    expect(again.revision).toBe(4);
  });

  it("does nothing at all when any part of it is refused", async () => {
    await serve(t, v(1).id, null);
    const second = await serve(t, v(2).id, 0.001);
    // A reason that the audit entry cannot hold: the last statement of the transaction fails.
    const before = await route();
    await expect(switchRelease(t.mei, "rollback", { ...press(second), reason: "\u0000" })).rejects.toThrow();
    expect(await serving()).toEqual([v(2).id]);
    expect(await route()).toEqual(before);
  });

  it("warms a target that is not warm first, while what serves goes on", async () => {
    await serve(t, v(1).id, null);
    const second = await serve(t, v(2).id, 0.001);
    await connection.db
      .update(replica)
      .set({ state: "failed" })
      .where(eq(replica.versionId, v(1).id));
    expect(await switchRelease(t.mei, "rollback", press(second))).toMatchObject({ routeRevision: null });
    expect(await serving()).toEqual([v(2).id]);
    await expect(switchRelease(t.mei, "rollback", press(second))).rejects.toMatchObject({
      code: "target_warming",
    });
    await reconcileReleases(connection.db);
    expect(await serving()).toEqual([v(2).id]);
    await replicasReady(t);
    await reconcileReleases(connection.db);
    expect(await serving()).toEqual([v(1).id]);
    const { rollback, forward } = await modelPage(t.ines, t.production);
    expect([rollback.target, forward.target?.version]).toEqual([null, 2]);
  });

  it("pressed twice with one key is one step", async () => {
    await serve(t, v(1).id, null);
    const second = await serve(t, v(2).id, 0.001);
    const twice = press(second);
    const [a, b] = await Promise.all([
      switchRelease(t.mei, "rollback", twice),
      switchRelease(t.mei, "rollback", twice),
    ]);
    expect(a).toEqual(b);
    expect(await serving()).toEqual([v(1).id]);
  });

  it("by two people at once is one step; the other is told what serves", async () => {
    await serve(t, v(1).id, null);
    await serve(t, v(2).id, 0.001);
    const third = await serve(t, v(3).id, 0.001);
    const both = await Promise.allSettled([
      switchRelease(t.mei, "rollback", press(third)),
      switchRelease(t.ines, "rollback", press(third)),
    ]);
    expect(both.map((one) => one.status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(both.find((one) => one.status === "rejected")).toMatchObject({
      reason: { code: "serving_changed" },
    });
    expect(await serving()).toEqual([v(2).id]);
  });

  it("and approving at once take turns: one version serves, one route is in force, nothing prepared takes over", async () => {
    await serve(t, v(1).id, null);
    const second = await serve(t, v(2).id, 0.001);
    const number = await requested(t, v(3).id, 0.001);
    const input = await seen(t, number);
    await Promise.all([approve(t.mei, input), switchRelease(t.mei, "rollback", press(second))]);
    expect(await serving()).toEqual([v(1).id]);
    const rows = await connection.db.select().from(release).where(eq(release.modelId, t.modelId));
    expect(new Set(rows.map((row) => row.revision)).size).toBe(rows.length);
    expect(await route()).toMatchObject({ version: { number: 1 } });
  });

  it("keeps the routes of other models", async () => {
    await serve(t, v(1).id, null);
    const mine = t;
    t = await makeTeam(connection.db);
    await serve(t, v(1).id, null);
    t = mine;
    expect(await route()).toMatchObject({ version: { number: 1 } });
  });
});
