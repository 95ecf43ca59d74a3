import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { connect } from "../../db/client";
import { alert, alertMember } from "../../db/schema/alerts";
import { cluster, node } from "../../db/schema/cluster";
import { apiToken } from "../../db/schema/identity";
import { servingMinute } from "../../db/schema/releases";
import { run } from "../../db/schema/runs";
import { list, silence } from "../alerts/service";
import { displayBehind } from "../identity/display";
import { createToken, revokeToken } from "../identity/service";
import { newId } from "../platform/ids";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { finishMeasurement } from "../releases/service";
import { makeTeam, requested, serve, type TestTeam } from "../releases/testing";
import { createRun, registerFinishers } from "../runs/service";
import { TRAINING } from "../runs/testing";
import { page } from "./page";
import { needs, search } from "./service";

let database: TestDatabase;
let connection: ReturnType<typeof connect>;
let own: TestTeam;
let other: TestTeam;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"));
  process.env.DATABASE_URL = database.url;
  connection = connect(database.url);
  own = await makeTeam(connection.db, { versions: 2 });
  other = await makeTeam(connection.db);
});
afterAll(async () => {
  await connection.pool.end();
  await database.drop();
});

const found = async (team: TestTeam, query: string) =>
  (await search(team.ines, { query })).map(({ kind, label }) => `${kind} ${label}`);

test("a search finds by a part of the name, the number or the start of a digest, and only what is the team's", async () => {
  const { modelName, versions } = own;
  const part = modelName.slice(1, 5).toUpperCase();
  expect(await found(own, part)).toEqual(
    expect.arrayContaining([`model ${modelName}`, `version ${modelName} v1`, `version ${modelName} v2`]),
  );
  expect(await found(own, `${modelName} v2`)).toEqual([`version ${modelName} v2`]);
  expect(await found(own, versions[1]?.digest.slice(0, 8) ?? "")).toContain(`version ${modelName} v2`);
  await requested(own, versions[0]?.id ?? "", null);
  expect(await found(own, "run 1")).toContain("run run 1");
  expect(await found(own, "%")).toEqual([]);
  expect(await found(own, "%%%%")).toEqual([]);
  expect(await found(other, versions[1]?.digest.slice(0, 8) ?? "")).toEqual([]);
  expect(await found(other, "run 1")).toEqual([]);
});

test("an approval waits for the approver and not for whoever asked for it", async () => {
  expect((await needs(own.mei)).approvals).toBe(1);
  expect((await needs(own.ines)).approvals).toBe(0);
  expect((await needs(other.mei)).approvals).toBe(0);
});

test("the overview tells what serves, what failed, who waits and what today costs, of the team only", async () => {
  registerFinishers({ evaluate: finishMeasurement });
  const { db } = connection;
  const t = await makeTeam(db, { versions: 2 });
  const [v1, v2] = t.versions;
  const releaseId = await serve(t, v1?.id ?? "", null);
  await requested(t, v2?.id ?? "", 0.001);
  const minute = (minutesAgo: number) => new Date(Math.floor(Date.now() / 60_000 - minutesAgo) * 60_000);
  await db.insert(servingMinute).values(
    [0, 1, 2].map((ago) => ({
      ...{ teamId: t.ines.teamId, modelId: t.modelId, versionId: v1?.id ?? "", gatewayId: "gw" },
      ...{ minute: minute(ago), requests: 100, errors: 30, p50Us: 900, p99Us: 4000 },
    })),
  );
  const [measured] = await db.select().from(run).where(eq(run.teamId, t.ines.teamId)).limit(1);
  await db
    .update(run)
    .set({ state: "failed", endedAt: sql`now()` })
    .where(eq(run.id, measured?.id ?? ""));

  const shown = await page(t.ines);
  expect(releaseId).toBeTruthy();
  expect(shown.production).toMatchObject([
    { model: t.modelName, version: 1, health: "failing", requests: 300, errorRate: 0.3, p99Us: 4000 },
  ]);
  expect(shown.production[0]?.p99Ms.slice(-3)).toEqual([4, 4, 4]);
  expect(shown.problems.map(({ title }) => title)).toEqual([
    `${t.modelName} v1: 30% of requests fail`,
    expect.stringMatching(/^Run \d+ failed/),
  ]);
  expect(shown.waiting).toMatchObject([{ model: t.modelName, version: 2, state: "open" }]);
  expect(shown.changes[0]?.summary).toBeTruthy();
  const strangers = await page(other.mei);
  expect([strangers.production, strangers.problems, strangers.waiting, strangers.changes]).toEqual([
    [],
    [],
    [],
    [],
  ]);
});

test("what nodes cost today is since midnight, or since they started, and for as long as they are up", async () => {
  const { db } = connection;
  const shown = await page(own.ines);
  expect(shown.cluster.spent).toBeNull();
  const [local] = await db.select().from(cluster);
  await db.insert(node).values({
    ...{
      id: newId("node"),
      clusterId: local?.id ?? "",
      nodeId: "n1",
      name: "cpu-1",
      pool: "local-cpu",
      isHead: false,
    },
    ...{ state: "active", cpus: 4, gpus: 0, memoryBytes: 1, observed: {}, pricePerHour: 2 },
    startedAt: sql`greatest(now() - interval '30 minutes', date_trunc('day', now(), 'UTC'))`,
  });
  const { spent } = (await page(own.ines)).cluster;
  const { rows } = await db.execute<{ hours: number }>(
    sql`select least(0.5, extract(epoch from now() - date_trunc('day', now(), 'UTC')) / 3600)::float8 as hours`,
  );
  expect(spent?.amount).toBeCloseTo(2 * (rows[0]?.hours ?? 0), 1);
  expect(spent).toMatchObject({ perHour: 2, isWhole: true });
  expect(spent?.byMidnight).toBeGreaterThan(spent?.amount ?? 0);
});

test("a display token shows its team's wall until it is revoked; a token of programs does not", async () => {
  const { db } = connection;
  const make = (name: string, scope: "display" | "inference") =>
    createToken(own.ines, { name, scopes: [scope], expiresInDays: null, ratePerSecond: null });
  const wall = await make("hall", "display");
  const program = await make("ci", "inference");
  const behind = (token: string) => displayBehind(db, new Headers({ cookie: `a=b; lathe_display=${token}` }));
  expect(await behind(wall.token)).toMatchObject({ tokenId: wall.id, teamId: own.ines.teamId, name: "hall" });
  expect(await behind(program.token)).toBeNull();
  expect(await behind("")).toBeNull();
  await revokeToken(own.ines, wall.id);
  expect(await behind(wall.token)).toBeNull();
  const [kept] = await db.select().from(apiToken).where(eq(apiToken.id, wall.id));
  expect(kept?.lastUsedAt, "Settings tells when a screen was last seen").not.toBeNull();
});

test("the head, the top bar and the list of alerts count the same problems, whoever wrote their rules", async () => {
  const { db } = connection;
  const t = await makeTeam(db);
  const { teamId } = t.ines;
  const said = {
    place: "A rule of the team",
    severity: "bad" as const,
    title: "t",
    detail: "d",
    path: "/cluster",
  };
  const rules = Array.from({ length: 16 }, (_, i) => `rul_${i}`);
  const fires = async (rule: string, over: Partial<typeof alert.$inferInsert> = {}) => {
    const id = newId("alr");
    await db.insert(alert).values({ ...said, id, teamId, rule, state: "firing", ...over });
    const member = { alertId: id, teamId, key: `${rule}:x`, about: "x", state: "firing" as const };
    await db
      .insert(alertMember)
      .values({ ...said, ...member, beganAt: new Date(), seenAt: new Date(), firedAt: new Date() });
  };
  for (const rule of rules) await fires(rule);
  await fires("rul_taken", { takenBy: t.ines.actor.id, takenAt: new Date() });
  await fires("rul_quiet");
  await silence(t.ines, { matches: "rul_quiet", minutes: 60, reason: "known" });
  await fires("failed");
  // Two that failed are one problem of one rule; the third alert of a starter is over for less than a minute.
  for (const title of ["a", "b"]) {
    const { id } = await db.transaction((tx) => createRun(tx, t.ines, { ...TRAINING, title }));
    await db.update(run).set({ state: "failed", endedAt: sql`now()` }).where(eq(run.id, id));
  }
  await fires("limit");

  const { problems } = await page(t.ines);
  const of = (standing: string) => problems.filter((problem) => problem.standing === standing).length;
  expect([of("open"), of("handled"), problems.length]).toEqual([18, 2, 20]);
  expect((await needs(t.ines)).problems).toBe(18);
  const { firing } = await list(t.ines, { cursor: null, limit: 9 });
  expect(firing.filter(({ takenBy, isSilenced }) => !takenBy && !isSilenced)).toHaveLength(18);
  // What has not lasted long enough to be told is seen, and apart from them.
  await db.update(alert).set({ state: "pending" }).where(eq(alert.rule, "failed"));
  const after = (await page(t.ines)).problems;
  expect(after.filter(({ standing }) => standing === "new").map(({ title }) => title)).toEqual([
    "2 runs failed within the hour",
  ]);
  expect((await needs(t.ines)).problems).toBe(17);
});
