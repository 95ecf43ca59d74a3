/** Views that a person keeps of the list of runs, and the places of runs that wait. */
import { beforeEach, describe, expect, it } from "vitest";
import { makeEngineer } from "../identity/testing";
import type { TeamContext } from "../platform/context";
import { testConsole } from "../platform/testing/console";
import { list } from "./screen-service";
import { ListRuns } from "./screens";
import { createRun } from "./service";
import { INSPECTION } from "./testing";
import { listViews, removeView, saveView } from "./views";

const connection = testConsole();
let ctx: TeamContext;
beforeEach(async () => {
  ctx = await makeEngineer(connection.db);
});

describe("a view", () => {
  const view = { name: "mine, failed", query: "by=mine&state=failed", hiddenColumns: ["model", "took"] };

  it("is kept under its name, replaced under the same, and removed", async () => {
    await saveView(ctx, view);
    await saveView(ctx, { ...view, name: "a" });
    await saveView(ctx, { ...view, query: "by=mine" });
    const kept = await listViews(ctx);
    expect(kept).toMatchObject([{ name: "a" }, { ...view, query: "by=mine" }]);
    await removeView(ctx, kept[0]?.id ?? "");
    expect((await listViews(ctx)).map(({ name }) => name)).toEqual(["mine, failed"]);
  });

  it("is nobody else's", async () => {
    await saveView(ctx, view);
    const [kept] = await listViews(ctx);
    const other = await makeEngineer(connection.db);
    const inTheirTeam = { ...ctx, teamId: other.teamId };
    for (const stranger of [other, inTheirTeam, { ...ctx, actor: other.actor }]) {
      expect(await listViews(stranger)).toEqual([]);
      await expect(removeView(stranger, kept?.id ?? "")).rejects.toThrow("no such view");
    }
  });

  it("beyond a hundred is refused", async () => {
    for (let i = 0; i < 100; i += 1) await saveView(ctx, { ...view, name: `view ${i}` });
    await expect(saveView(ctx, view)).rejects.toThrow("100 views already");
    await saveView(ctx, { ...view, name: "view 7", query: "" });
    expect(await listViews(ctx)).toHaveLength(100);
  });
});

describe("the list", () => {
  it("says the places of runs that wait in the queue, and of no others", async () => {
    const spec = { kind: "script", code: "c".repeat(64), filename: "a.zip", entry: "a.py" } as const;
    const script = {
      kind: "script",
      title: "a.py",
      spec,
      resources: { workers: 9, cpus: 1, gpus: 0 },
    } as const;
    await connection.db.transaction(async (tx) => {
      await createRun(tx, ctx, script);
      await createRun(tx, ctx, INSPECTION);
      await createRun(tx, ctx, { ...script, priority: "high" });
    });
    const { runs } = await list(ctx, ListRuns.parse({}));
    expect(runs.map(({ number, place }) => [number, place])).toEqual([
      [3, 1],
      [2, null],
      [1, 2],
    ]);
  });
});
