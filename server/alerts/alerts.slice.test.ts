import { and, eq, sql } from "drizzle-orm";
import { beforeEach, expect, test } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { run } from "../../db/schema/runs";
import { defaultClusterId } from "../engine/service";
import { eventOf } from "../hooks/deliver";
import { needs } from "../overview/service";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { joined, makeTeam, type TestTeam } from "../releases/testing";
import { DatabaseOutage, incident, list, silence, take, tellOutage, unsilence, watchTeams } from "./service";

const connection = testConsole();
let t: TestTeam;
beforeEach(async () => {
  t = await makeTeam(connection.db, { versions: 1 });
});

const firingOf = async () => (await list(t.mei, { limit: 10 })).firing;

/** A look of the controller, so many seconds from now. */
const look = (seconds = 0) =>
  watchTeams(connection.db, undefined, () => new Date(Date.now() + seconds * 1000));

async function failRun(title: string): Promise<string> {
  const id = newId("run");
  await connection.db.execute(sql`
    insert into run (id, team_id, number, kind, title, state, spec, resources, cause, created_by, cluster_id, ended_at)
    select ${id}, ${t.ines.teamId}, coalesce(max(number), 0) + 1, 'train', ${title}, 'failed', '{}', '{}',
      '{"message": "out of memory"}', ${t.ines.actor.id}, ${await defaultClusterId(connection.db)}, now()
    from run where team_id = ${t.ines.teamId}`);
  return id;
}
const over = (id: string) =>
  connection.db.update(run).set({ endedAt: sql`now() - interval '2 hours'` }).where(eq(run.id, id));
const audited = async () =>
  (
    await connection.db
      .select()
      .from(auditEntry)
      .where(and(eq(auditEntry.teamId, t.ines.teamId), eq(auditEntry.targetKind, "alert")))
      .orderBy(auditEntry.seq)
  ).map((entry) => [entry.action, eventOf(entry)]);

test("what is wrong is told once with its evidence, stays while it lasts, and is over after a quiet minute", async () => {
  const id = await failRun("fine-tune");
  await look();
  expect((await list(t.mei, { limit: 10 })).firing).toEqual([]);
  await look(5);
  await look(10);
  const [alert] = (await list(t.mei, { limit: 10 })).firing;
  expect(alert).toMatchObject({
    severity: "warning",
    title: "Run 1 failed: fine-tune",
    detail: "out of memory",
    path: "/training/1",
    isSilenced: false,
  });
  await over(id);
  await look(15);
  expect((await list(t.mei, { limit: 10 })).firing).toHaveLength(1);
  await look(80);
  const after = await list(t.mei, { limit: 10 });
  expect([after.firing.length, after.resolved.map((a) => a.id)]).toEqual([0, [alert?.id]]);
  expect(await audited()).toEqual([
    ["alert.fired", "alarm.fired"],
    ["alert.resolved", "alarm.fired"],
  ]);
});

test("somebody takes it up with a note; who may not handle alerts, or belongs elsewhere, does not see to it", async () => {
  await failRun("fine-tune");
  await look();
  await look(5);
  const [alert] = (await list(t.mei, { limit: 10 })).firing;
  await take(t.mei, { alertId: alert?.id ?? "", note: "Half the batch; launching again." });
  const [taken] = (await list(t.ines, { limit: 10 })).firing;
  expect(taken).toMatchObject({ takenBy: "Mei Tanaka", note: "Half the batch; launching again." });
  const stranger = (await makeTeam(connection.db)).mei;
  await expect(take(stranger, { alertId: alert?.id ?? "", note: "" })).rejects.toThrow("no such alert");
  await expect(incident(stranger, { alertId: alert?.id ?? "" })).rejects.toThrow("no such alert");
});

test("a silence keeps an alert from being sent out, not from the list, until it ends", async () => {
  const noor = await joined(t, "Noor Haddad", ["operator"]);
  await silence(noor, { matches: "failed", minutes: 60, reason: "We are breaking things on purpose." });
  await failRun("fine-tune");
  await look();
  await look(5);
  const shown = await list(t.mei, { limit: 10 });
  expect(shown.firing).toMatchObject([{ isSilenced: true }]);
  expect(await audited()).toEqual([["alert.fired", null]]);
  const end = () => unsilence(noor, { silenceId: shown.silences[0]?.id ?? "" });
  const presses = await Promise.allSettled([end(), end()]);
  expect(presses.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect((await list(t.mei, { limit: 10 })).firing).toMatchObject([{ isSilenced: false }]);
  await expect(end()).rejects.toThrow("ended already");
});

test("several subjects are one alert with one message; who joins waits to be told, who ends leaves it", async () => {
  const ids = await Promise.all([failRun("one")]);
  ids.push(await failRun("two"), await failRun("three"));
  await look();
  await look(5);
  const [alert, ...more] = await firingOf();
  expect(more).toEqual([]);
  expect(alert).toMatchObject({ title: "3 runs failed within the hour", count: 3, rule: "failed" });
  await take(t.mei, { alertId: alert?.id ?? "", note: "one bad node" });
  ids.push(await failRun("four"));
  await look(10);
  await look(15);
  expect(await audited()).toHaveLength(2);
  await look(310);
  const [grown] = await firingOf();
  expect(grown).toMatchObject({ id: alert?.id, count: 4, takenBy: "Mei Tanaka" });
  expect((await audited()).at(-1)).toEqual(["alert.grew", "alarm.fired"]);
  await over(ids[0] ?? "");
  await look(315);
  await look(380);
  expect(await firingOf()).toMatchObject([{ id: alert?.id, count: 3 }]);
  const { members } = await incident(t.mei, { alertId: alert?.id ?? "" });
  expect(members.map(({ about, state }) => [about, state])).toContainEqual(["run 1", "gone"]);
  await Promise.all(ids.map(over));
  await look(385);
  await look(450);
  expect(await firingOf()).toEqual([]);
});

test("the top bar counts alerts that nobody took up and that are not silenced", async () => {
  const problems = async () => (await needs(t.ines)).problems;
  await failRun("fine-tune");
  expect(await problems()).toBe(0);
  await look();
  await look(5);
  expect(await problems()).toBe(1);
  const noor = await joined(t, "Noor Haddad", ["operator"]);
  await silence(noor, { matches: "failed", minutes: 60, reason: "on purpose" });
  expect(await problems()).toBe(0);
  const { silences } = await list(noor, { limit: 10 });
  expect(silences).toMatchObject([{ of: "Runs fail" }]);
  await unsilence(noor, { silenceId: silences[0]?.id ?? "" });
  expect(await problems()).toBe(1);
  const [alert] = await firingOf();
  await take(noor, { alertId: alert?.id ?? "", note: "" });
  expect(await problems()).toBe(0);
});

test("a time without the database is written down once, with how long it lasted", async () => {
  const outages = new DatabaseOutage();
  outages.missed(10_000);
  outages.answered(15_000);
  expect(outages.untold).toEqual([]);
  outages.missed(20_000);
  outages.answered(62_000);
  const standby = new DatabaseOutage();
  standby.answered(63_000, 21_000);
  await tellOutage(connection.db, outages, undefined, 64_000);
  await tellOutage(connection.db, outages, undefined, 64_000);
  await tellOutage(connection.db, standby, undefined, 64_000);
  const { resolved } = await list(t.mei, { limit: 10 });
  expect(resolved.map(({ rule, title }) => [rule, title])).toEqual([
    ["database", "The database was away for 42 s"],
  ]);
  expect(await audited()).toEqual([["alert.fired", "alarm.fired"]]);
});

test("an incident tells what changed around it, of the team only, newest first", async () => {
  const other = await makeTeam(connection.db);
  await silence(other.mei, { matches: "slow", minutes: 5, reason: "elsewhere" });
  await silence(t.mei, { matches: "slow", minutes: 5, reason: "before it began" });
  await failRun("fine-tune");
  await look();
  await look(5);
  const [alert] = (await list(t.mei, { limit: 10 })).firing;
  const { happened } = await incident(t.mei, { alertId: alert?.id ?? "" });
  expect(happened.map(({ kind, what }) => [kind, what])).toEqual([
    ["run", "fine-tune failed: out of memory"],
    ["change", "Silenced Production is slow for 5 min: before it began"],
  ]);
});
