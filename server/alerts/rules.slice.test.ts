import { and, eq, sql } from "drizzle-orm";
import { beforeEach, expect, test } from "vitest";
import type { z } from "zod";
import { auditEntry } from "../../db/schema/audit";
import { node, nodeUsage } from "../../db/schema/cluster";
import { webhook, webhookDelivery } from "../../db/schema/hooks";
import { servingMinute } from "../../db/schema/releases";
import { defaultClusterId } from "../engine/service";
import { collect } from "../hooks/deliver";
import { page } from "../overview/page";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { joined, makeTeam, serve, type TestTeam } from "../releases/testing";
import { type RuleDraft, SERIES_NAMES } from "./rule-contract";
import {
  list,
  listRules,
  preview,
  removeRule,
  saveRule,
  setStarter,
  switchRule,
  watchTeams,
} from "./service";
import { readSeries, sourceOf } from "./sources";

const connection = testConsole();
let t: TestTeam;
let noor: TestTeam["mei"];
beforeEach(async () => {
  t = await makeTeam(connection.db, { versions: 1 });
  noor = await joined(t, "Noor Haddad", ["operator"]);
});

const look = (seconds = 0) =>
  watchTeams(connection.db, undefined, () => new Date(Date.now() + seconds * 1000));
const draft = (change: Partial<z.infer<typeof RuleDraft>> = {}): z.infer<typeof RuleDraft> => ({
  ...{ name: "Disk nearly full", note: "Clear the cache.", severity: "bad", webhooks: null, isOn: true },
  ...{ series: "node.disk", metric: null, subject: null },
  condition: { kind: "threshold", side: "above", value: 80, minutes: 2, clear: 70 },
  ...change,
});
const write = (rule = draft()) => saveRule(noor, { ruleId: null, revision: 0, rule });
const firing = async () => (await list(t.mei, { limit: 20 })).firing;

/** A node with its disk so full for ten minutes, and for those that a test looks ahead. */
async function addNode(name: string, percent: number): Promise<string> {
  const id = newId("node");
  const clusterId = await defaultClusterId(connection.db);
  const observed = { diskBytes: 100 };
  const [row] = await connection.db
    .insert(node)
    .values({
      ...{ id, clusterId, nodeId: id, name, pool: "p", isHead: false, state: "active" },
      ...{ cpus: 4, gpus: 0, memoryBytes: 100, observed, startedAt: sql`now() - interval '1 day'` },
    })
    .returning({ serial: node.serial });
  const used = [100, 50, percent, 0, 0];
  await connection.db.insert(nodeUsage).values(
    Array.from({ length: 14 }, (_, i) => ({
      ...{ serial: row?.serial ?? 0, level: 60, mean: used, peak: used },
      at: sql`date_trunc('minute', now()) + make_interval(mins => ${i - 10})`,
    })),
  );
  return id;
}
const empty = (id: string, percent: number) =>
  connection.db.execute(sql`update node_usage set mean[3] = ${percent}
    where serial = (select serial from node where id = ${id})`);

test("a rule that an operator wrote is watched, grouped and told like a starter, until its value is back", async () => {
  await addNode("low", 75);
  const full = [await addNode("cpu-1", 85), await addNode("cpu-2", 88)];
  const { ruleId } = await write();
  await look();
  await look(5);
  const [alert, ...more] = await firing();
  expect(more).toEqual([]);
  expect(alert).toMatchObject({
    ...{ rule: ruleId, severity: "bad", title: "2 nodes: Disk nearly full", count: 2 },
    detail: expect.stringContaining("Disk of a node above 80% for 2 min, until 70%. Clear the cache."),
  });
  expect((await page(t.ines)).problems.map(({ title }) => title)).toContain("2 nodes: Disk nearly full");
  await empty(full[0] ?? "", 75);
  await look(10);
  await look(75);
  expect(await firing(), "within the band it stays").toMatchObject([{ count: 2 }]);
  await empty(full[0] ?? "", 65);
  await look(80);
  await look(145);
  expect(await firing()).toMatchObject([{ count: 1, title: "Disk nearly full: cpu-2, 88%" }]);
  const [shown] = (await listRules(t.mei)).written;
  expect(shown).toMatchObject({ id: ruleId, isFiring: true, by: "Noor Haddad", revision: 1 });
  await connection.db.update(node).set({ state: "gone", endedAt: sql`now()` });
});

test("what another changed meanwhile is not written over; off looks at nothing; away can be brought back", async () => {
  const { ruleId } = await write();
  await saveRule(noor, { ruleId, revision: 1, rule: draft({ name: "Disks" }) });
  const late = saveRule(noor, { ruleId, revision: 1, rule: draft() });
  await expect(late).rejects.toMatchObject({ code: "revision_moved" });
  await switchRule(noor, { ruleId, revision: 2, isOn: false });
  const id = await addNode("cpu-9", 99);
  await look();
  await look(5);
  expect((await firing()).filter(({ rule }) => rule === ruleId)).toEqual([]);
  await removeRule(noor, { ruleId, isRemoved: true });
  expect((await listRules(noor)).written).toEqual([]);
  await removeRule(noor, { ruleId, isRemoved: false });
  expect((await listRules(noor)).written).toMatchObject([{ name: "Disks", isOn: false, revision: 5 }]);
  const stranger = (await makeTeam(connection.db)).mei;
  await expect(removeRule(stranger, { ruleId, isRemoved: true })).rejects.toThrow("no such alert rule");
  const entries = await connection.db
    .select({ action: auditEntry.action })
    .from(auditEntry)
    .where(and(eq(auditEntry.teamId, t.ines.teamId), eq(auditEntry.targetKind, "alert_rule")))
    .orderBy(auditEntry.seq);
  expect(entries.map(({ action }) => action.split(".")[1])).toEqual([
    ...["written", "changed", "switched", "removed", "restored"],
  ]);
  await connection.db.update(node).set({ state: "gone", endedAt: sql`now()` }).where(eq(node.id, id));
});

test("figures of a starter are the team's own, within bounds; switched off it tells nothing", async () => {
  const id = await addNode("cpu-3", 85);
  const other = await makeTeam(connection.db);
  const ruleOf = async (of: TestTeam) => (await page(of.ines)).problems.map(({ key }) => key.split(":")[0]);
  expect(await ruleOf(t)).not.toContain("disk");
  const set = { starter: "disk", isOn: true, limits: { percent: 80 }, webhooks: null } as const;
  await expect(setStarter(noor, { ...set, revision: 0, limits: { percent: 120 } })).rejects.toMatchObject({
    details: { field: "limits.percent" },
  });
  await setStarter(noor, { ...set, revision: 0 });
  expect([await ruleOf(t), await ruleOf(other)]).toEqual([["disk"], []]);
  await expect(setStarter(noor, { ...set, revision: 0 })).rejects.toMatchObject({ code: "revision_moved" });
  await setStarter(noor, { ...set, revision: 1, isOn: false });
  expect(await ruleOf(t)).toEqual([]);
  const shown = (await listRules(noor)).starters.find(({ starter }) => starter === "disk");
  expect(shown).toMatchObject({ isOn: false, revision: 2, limits: { percent: 80, hours: 24 } });
  await connection.db.update(node).set({ state: "gone", endedAt: sql`now()` }).where(eq(node.id, id));
});

test("a rule is told to the webhooks that it chose alone, and refuses one that is not the team's", async () => {
  const { db } = connection;
  const [chosen, other] = [newId("hook"), newId("hook")];
  await db.insert(webhook).values(
    [chosen, other].map((id) => ({
      ...{ id, teamId: t.ines.teamId, url: "https://example.com/x", events: ["alarm.fired"], sealed: "" },
      createdBy: t.ines.actor.id,
    })),
  );
  await collect(db);
  await expect(write(draft({ webhooks: [newId("hook")] }))).rejects.toMatchObject({
    details: { field: "webhooks" },
  });
  const { ruleId } = await write(draft({ webhooks: [chosen] }));
  await setStarter(noor, { starter: "disk", isOn: false, limits: {}, webhooks: null, revision: 0 });
  const id = await addNode("cpu-4", 95);
  await look();
  await look(5);
  await collect(db);
  const sent = await db.select().from(webhookDelivery).where(eq(webhookDelivery.teamId, t.ines.teamId));
  expect(sent.map(({ webhookId, body }) => [webhookId, JSON.parse(body).data])).toMatchObject([
    [chosen, { action: "alert.fired", after: { count: 1, members: ["Disk nearly full: cpu-4, 95%"] } }],
  ]);
  expect((await listRules(noor)).webhooks).toContainEqual({ id: chosen, host: "example.com" });
  await removeRule(noor, { ruleId, isRemoved: true });
  await db.update(node).set({ state: "gone", endedAt: sql`now()` }).where(eq(node.id, id));
});

test("a preview plays a rule over the last day of its own series", async () => {
  await serve(t, t.versions[0]?.id ?? "", null);
  await connection.db.execute(sql`update release set created_at = now() - interval '1 day', serving_at = now() - interval '1 day'
    where team_id = ${t.ines.teamId}`);
  await connection.db.insert(servingMinute).values(
    Array.from({ length: 60 }, (_, i) => ({
      ...{ teamId: t.ines.teamId, modelId: t.modelId, versionId: t.versions[0]?.id ?? "", gatewayId: "gw" },
      ...{ requests: 60, errors: i >= 20 && i < 30 ? 30 : 0, p50Us: 900, p99Us: 4000 },
      minute: new Date(Math.floor(Date.now() / 60_000 - 70 + i) * 60_000),
    })),
  );
  const played = await preview(t.mei, {
    ...{ series: "gateway.errors", metric: null, subject: null },
    condition: { kind: "threshold", side: "above", value: 10, minutes: 3, clear: null },
  });
  expect(played).toMatchObject({ fired: 1, count: 1, subjects: [{ name: t.modelName }] });
  const [span] = played.lines[0]?.fired ?? [];
  expect(((span?.to ?? 0) - (span?.from ?? 0)) / 60_000).toBeCloseTo(7, -1);
  const quiet = await preview(t.mei, {
    ...{ series: "gateway.requests", metric: null, subject: null },
    condition: { kind: "threshold", side: "below", value: 0.5, minutes: 60, clear: null },
  });
  expect(quiet.fired).toBe(1);
});

test("every series of the catalogue can be read, at any moment that the database tells", async () => {
  const now = Date.now() + 0.026;
  const range = { from: now - 600_000, to: now, stepSeconds: 60 };
  for (const series of SERIES_NAMES) {
    const read = await readSeries(connection.db, sourceOf(series), t.ines.teamId, range, ["train/loss"]);
    expect(Array.isArray(read({ series, metric: "train/loss" }))).toBe(true);
  }
});

test("however many rules look at a kind of series, a pass reads it once", async () => {
  for (let i = 0; i < 20; i += 1) await write(draft({ name: `Disk ${i}` }));
  const asked: string[] = [];
  const { db } = connection;
  const counting: typeof db = new Proxy(db, {
    get: (target, key, receiver) => {
      if (key !== "execute") return Reflect.get(target, key, receiver);
      return (query: Parameters<typeof db.execute>[0]) => {
        asked.push(JSON.stringify(query));
        return target.execute(query);
      };
    },
  });
  await watchTeams(counting);
  expect(asked.filter((text) => text.includes("avg(mean[1])")).length).toBe(1);
});
