/** What nodes cost reaches the books, and a budget that is spent stops what would begin. */
import { desc, eq, sql } from "drizzle-orm";
import { beforeEach, describe, expect, it } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { budget, spend } from "../../db/schema/cost";
import { user } from "../../db/schema/identity";
import { version } from "../../db/schema/models";
import { replica, replicaPlacement, servingMinute } from "../../db/schema/releases";
import { attempt, run } from "../../db/schema/runs";
import { studioSession } from "../../db/schema/studio";
import { editPool } from "../cluster/service";
import { defaultClusterId } from "../engine/service";
import type { TeamContext } from "../platform/context";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { observeReplica } from "../releases/service";
import { makeTeam as makeReleaseTeam } from "../releases/testing";
import { rerun } from "../runs/control";
import { admitWaiting, createRun } from "../runs/service";
import { makeTeam, TRAINING } from "../runs/testing";
import { budgetTurn } from "./budget";
import { EditBudget } from "./contract";
import { bookSpend, budgetState, costPage, editBudget, hold, spending } from "./service";
import { createdBy, ranOn, upSince } from "./testing";
import { costOfVersion } from "./version";

const connection = testConsole({ LATHE_POOL_MAX: "4" });
const fence = async () => {};
const book = () => bookSpend(connection.db, fence);
const BUDGET = { amount: 10, thresholds: [50, 80, 100], isHard: true, basedOn: 0 };
let ctx: TeamContext;
let other: TeamContext;

beforeEach(async () => {
  await connection.db.execute(
    sql`truncate run, attempt, node, node_interval, spend, spend_pool, spend_day, budget cascade`,
  );
  ctx = await makeTeam(connection.db);
  other = await makeTeam(connection.db);
});

const micros = async () => {
  const { rows } = await connection.db.execute<{ booked: number; nodes: number }>(sql`
    select (select sum(micros) from spend)::float8 / 1e6 as booked,
      (select sum(n.price_per_hour * extract(epoch from now() - i.since)) from node_interval i join node n using (node_id))::float8 / 3600 as nodes`);
  return rows[0] ?? { booked: Number.NaN, nodes: Number.NaN };
};

describe("the books", () => {
  it("hold what every node cost, by day: a team's share of it, others' and what idled", async () => {
    const [a, b] = [await upSince(connection.db, 50, 2), await upSince(connection.db, 3, 8, "spot")];
    const own = await ranOn(ctx, [a, b], 30, 2);
    await ranOn(other, [a], 40, null);
    await book();
    const { booked, nodes } = await micros();
    expect(booked).toBeCloseTo(nodes, 1);
    const { rows } = await spending(ctx, {
      month: null,
      by: "work",
      sort: "cost",
      order: "desc",
      limit: 50,
    });
    const all = await connection.db.select().from(spend).where(eq(spend.teamId, ctx.teamId));
    // 28 h of a quarter of the first, and one hour of a quarter of the second: it was not up before.
    expect(all.reduce((sum, row) => sum + row.micros, 0) / 1e6).toBeCloseTo(28 * 0.5 + 2, 2);
    expect(new Set(all.map(({ day }) => day)).size).toBeGreaterThan(1);
    expect(rows).toMatchObject([
      { label: `run ${own.number}`, hint: TRAINING.title, path: `training/${own.number}` },
    ]);
    const page = await costPage(ctx, { month: null });
    expect(page.spent).toBeCloseTo(
      page.whole.reduce((sum, pool) => sum + pool.own, 0),
      6,
    );
    expect(page.whole.every(({ others, idle }) => others >= 0 && idle > 0)).toBe(true);
  });

  it("are the same when they are kept again, and follow a price that is set for nodes that are up", async () => {
    const id = await upSince(connection.db, 60, null);
    await ranOn(ctx, [id], 59, 51);
    await book();
    expect((await micros()).booked).toBe(0);
    expect((await costPage(ctx, { month: null })).poolsWithoutPrice).toEqual(["local-cpu"]);
    const edit = { pool: "local-cpu", min: 0, max: 4, idleSeconds: 60, preemptible: false, schedule: null };
    await editPool(ctx, { ...edit, pricePerHour: 4 });
    await book();
    await book();
    const { booked, nodes } = await micros();
    expect(booked).toBeCloseTo(nodes, 1);
    const own = await connection.db.select().from(spend).where(eq(spend.teamId, ctx.teamId));
    expect(own.reduce((sum, row) => sum + row.micros, 0) / 1e6).toBeCloseTo(8, 3);
    await editPool(ctx, { ...edit, pricePerHour: null });
  });

  it("tell who spent, page by page", async () => {
    const person = { id: newId("usr"), name: "Ines", email: `${newId("usr")}@example.com` };
    await connection.db.insert(user).values(person);
    const id = await upSince(connection.db, 0.5, 4);
    const runs = [
      await ranOn(ctx, [id], 0.4, 0.3),
      await ranOn(ctx, [id], 0.3, 0.1),
      await ranOn(ctx, [id], 0.1, 0),
    ];
    for (const { id: runId } of runs.slice(1)) await createdBy(connection.db, runId, person.id);
    await book();
    const ask = { month: null, sort: "time", order: "desc" } as const;
    expect((await spending(ctx, { ...ask, by: "person", limit: 9 })).rows).toMatchObject([
      { label: "Ines", works: 2 },
      { label: "", works: 1 },
    ]);
    const first = await spending(ctx, { ...ask, by: "work", limit: 2 });
    expect(first.nextCursor).toBe(2);
    const second = await spending(ctx, { ...ask, by: "work", limit: 2, cursor: first.nextCursor });
    expect([...first.rows, ...second.rows].map(({ label }) => label).toSorted()).toEqual([
      "run 1",
      "run 2",
      "run 3",
    ]);
    expect((await spending(other, { ...ask, by: "kind", limit: 9 })).rows).toEqual([]);
  });
});

/** The second launch waits for the run's row, which the first holds while it waits for the budget. */
const waitingForLocks = async () => {
  const { rows } = await connection.db.execute(sql`
    select from pg_locks l join pg_database d on d.oid = l.database
    where d.datname = current_database() and l.locktype = 'advisory' and not l.granted`);
  return rows.length;
};

describe("a budget", () => {
  it("is audited, told apart by its revision, and says in words what is wrong with it", async () => {
    expect(await editBudget(ctx, BUDGET)).toEqual({ revision: 1 });
    await expect(editBudget(ctx, { ...BUDGET, amount: 20 })).rejects.toMatchObject({
      code: "budget_changed",
    });
    await expect(editBudget(ctx, { ...BUDGET, basedOn: 1 })).rejects.toMatchObject({
      code: "nothing_changed",
    });
    const [entry] = await connection.db
      .select()
      .from(auditEntry)
      .where(eq(auditEntry.teamId, ctx.teamId))
      .orderBy(desc(auditEntry.seq));
    expect(entry).toMatchObject({ action: "budget.edited", after: { amount: 10, isHard: true } });
    expect(await budgetState(connection.db, other.teamId)).toBeNull();
    const wrong = EditBudget.safeParse({ ...BUDGET, amount: -1, thresholds: [80, 50] });
    expect(wrong.error?.issues.map(({ message }) => message)).toEqual([
      "not below $0",
      "in rising order, each once",
    ]);
  });

  it("that is spent with a hard cap refuses a launch with what, of what and since when; other teams go on", async () => {
    const id = await upSince(connection.db, 0.4, 1000);
    const done = await ranOn(ctx, [id], 0.4, 0);
    await connection.db.update(attempt).set({ state: "stopped" });
    await book();
    await editBudget(ctx, { ...BUDGET, isHard: false });
    expect(await hold(ctx)).toBeNull();
    await editBudget(ctx, { ...BUDGET, basedOn: 1 });
    await expect(rerun(ctx, done.id)).rejects.toMatchObject({
      code: "budget_spent",
      message: expect.stringMatching(
        /^The budget of \w+ is spent: \$\d+\.\d\d of \$10\.00 since 1 \w+, UTC\. Nothing new/,
      ),
      details: { remedy: expect.stringContaining("may raise it on the Cost page") },
    });
    expect((await hold(ctx))?.says).toContain("of $10.00");
    expect(await hold(other)).toBeNull();
    await editBudget(ctx, { ...BUDGET, amount: 1e6, basedOn: 2 });
    expect((await rerun(ctx, done.id)).number).toBe(done.number + 1);
  });

  it("of 0 that is being set stops two launches at once that came before it was saved", async () => {
    const done = await ranOn(ctx, [], 1, 0);
    const { asked } = await connection.db.transaction(async (tx) => {
      await budgetTurn(tx, ctx.teamId, "alone");
      const both = Promise.allSettled([rerun(ctx, done.id), rerun(ctx, done.id)]);
      await expect.poll(() => waitingForLocks()).toBeGreaterThanOrEqual(1);
      const { basedOn: revision, ...zero } = { ...BUDGET, amount: 0 };
      await tx.insert(budget).values({ ...zero, teamId: ctx.teamId, revision, updatedBy: "test" });
      return { asked: both };
    });
    expect((await asked).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  it("holds what is queued, which others pass, and lets it go on when it is raised", async () => {
    await upSince(connection.db, 0.1, 0);
    const queued = async (as: TeamContext) => connection.db.transaction((tx) => createRun(tx, as, TRAINING));
    const [held, free] = [await queued(ctx), await queued(other)];
    const admitted = async (runId: string) =>
      (await connection.db.select().from(attempt).where(eq(attempt.runId, runId)))[0]?.admittedAt !== null;
    await editBudget(ctx, { ...BUDGET, amount: 0 });
    await admitWaiting(connection.db, fence);
    expect([await admitted(held.id), await admitted(free.id)]).toEqual([false, true]);
    await editBudget(ctx, { ...BUDGET, basedOn: 1 });
    await admitWaiting(connection.db, fence);
    expect(await admitted(held.id)).toBe(true);
  });
});

/** Versions never change, so one with another origin is made of one that is there. */
async function copyOf(
  versionId: string | undefined,
  over: Partial<typeof version.$inferInsert>,
): Promise<string> {
  const [row] = await connection.db
    .select()
    .from(version)
    .where(eq(version.id, versionId ?? ""));
  if (!row) throw new Error("there is no such version");
  const id = newId("ver");
  const { rows } = await connection.db.execute<{ number: number }>(
    sql`select max(number) + 1 as number from version`,
  );
  await connection.db.insert(version).values({ ...row, id, number: rows[0]?.number ?? 1, ...over });
  return id;
}

async function replicaOf(
  { teamId }: TeamContext,
  values: Omit<typeof replica.$inferInsert, "id" | "teamId">,
): Promise<string> {
  const id = newId("rpl");
  await connection.db.insert(replica).values({ id, teamId, ...values });
  return id;
}

describe("a replica", () => {
  it("that moves twice costs each node what it took while it was there, also when its report is told again", async () => {
    const { ines, modelId, versions } = await makeReleaseTeam(connection.db);
    const nodes = [
      await upSince(connection.db, 0.5, 4),
      await upSince(connection.db, 0.5, 8, "spot"),
      await upSince(connection.db, 0.5, 16, "other"),
    ];
    const [versionId = "", clusterId] = [versions[0]?.id, await defaultClusterId(connection.db)];
    const id = await replicaOf(ines, { modelId, versionId, clusterId });
    const now = Date.now();
    const told = async (
      minutesAgo: number,
      state: "starting" | "ready" | "stopped",
      nodeId: string | null,
    ) => {
      const seen = { kind: "replica", id, state, nodeId, address: null, pid: 1, message: "" } as const;
      for (let times = 0; times < 2; times += 1)
        await connection.db.transaction((tx) =>
          observeReplica(tx, seen, new Date(now - minutesAgo * 60_000)),
        );
    };
    await told(25, "starting", null);
    await told(24, "starting", nodes[0] ?? "");
    await told(22, "ready", nodes[0] ?? "");
    await told(18, "ready", nodes[1] ?? "");
    await told(15, "starting", null);
    await told(12, "ready", nodes[2] ?? "");
    await told(3, "stopped", nodes[2] ?? "");
    await book();
    const { rows } = await spending(ines, { month: null, by: "pool", sort: "name", order: "asc", limit: 9 });
    // A tenth of a CPU of four, for six, three and nine minutes.
    expect(rows.map(({ label, hours, amount }) => [label, hours, amount])).toEqual([
      ["local-cpu", expect.closeTo(0.1 / 40, 6), expect.closeTo(0.01, 5)],
      ["other", expect.closeTo(0.15 / 40, 6), expect.closeTo(0.06, 5)],
      ["spot", expect.closeTo(0.05 / 40, 6), expect.closeTo(0.01, 5)],
    ]);
    const { booked, nodes: whole } = await micros();
    expect(booked).toBeCloseTo(whole, 1);
  });
});

describe("a version", () => {
  it("costs the runs and sessions that led to it, each counted once, and apart from them what it came from", async () => {
    const { ines, modelId, datasetId, versions } = await makeReleaseTeam(connection.db);
    const nodeId = await upSince(connection.db, 0.5, 400);
    const [trained, committed, again] = [
      await ranOn(ines, [nodeId], 0.5, 0.4),
      await ranOn(ines, [nodeId], 0.3, 0.2),
      await ranOn(ines, [nodeId], 0.1, 0),
    ];
    const made = async (origin: "train" | "compress", runId: string, parentId: string | null) => {
      await connection.db.update(run).set({ kind: origin, modelId }).where(eq(run.id, runId));
      return copyOf(versions[0]?.id, { origin, runId, parentId });
    };
    const root = await made("train", trained.id, null);
    const child = await made("compress", committed.id, root);
    const second = await made("compress", again.id, root);
    const at = (hours: number) => sql`now() - make_interval(secs => ${hours * 3600}::float8)`;
    await connection.db
      .update(run)
      .set({ createdAt: at(0.3) })
      .where(eq(run.id, committed.id));
    await connection.db
      .update(run)
      .set({ createdAt: at(0.1) })
      .where(eq(run.id, again.id));
    await connection.db.insert(studioSession).values({
      ...{
        id: newId("ses"),
        teamId: ines.teamId,
        versionId: root,
        datasetId,
        nodeId,
        createdBy: ines.actor.id,
      },
      ...{ clusterId: await defaultClusterId(connection.db), state: "closed" as const },
      ...{ createdAt: at(0.35), closedAt: at(0.3) },
    });
    await book();
    const of = (versionId: string) => costOfVersion(ines, { versionId });
    const [first, other] = [await of(child), await of(second)];
    // A quarter of $400 an hour for 6 minutes, and for 3 minutes in the studio.
    expect(first.own).toMatchObject({
      training: 0,
      compression: expect.closeTo(10, 2),
      sessions: expect.closeTo(5, 2),
    });
    expect(first.ancestors).toMatchObject({ training: expect.closeTo(10, 2), versions: 1, over: false });
    expect(other.own).toMatchObject({ compression: expect.closeTo(10, 2), sessions: 0 });
    expect(first.serving).toMatchObject({ basis: null, per1000: null, saved: null });
    await expect(costOfVersion(ctx, { versionId: child })).rejects.toMatchObject({ code: "not_found" });
  });

  it("saves against its parent what both took for what they answered", async () => {
    const { ines, modelId, versions } = await makeReleaseTeam(connection.db);
    const parent = await copyOf(versions[0]?.id, {});
    const child = await copyOf(parent, { parentId: parent });
    const nodeId = await upSince(connection.db, 0.5, 400);
    const clusterId = await defaultClusterId(connection.db);
    const serves = async (versionId: string, requests: number) => {
      const { teamId } = ines;
      const id = await replicaOf(ines, { modelId, versionId, clusterId, nodeId, state: "ready" });
      const since = sql`now() - interval '15 minutes'`;
      await connection.db
        .insert(replicaPlacement)
        .values({ teamId, clusterId, replicaId: id, nodeId, since });
      const minute = {
        teamId: ines.teamId,
        modelId,
        versionId,
        gatewayId: "gw",
        errors: 0,
        p50Us: 1,
        p99Us: 1,
      };
      await connection.db
        .insert(servingMinute)
        .values({ ...minute, requests, minute: sql`date_trunc('minute', now())` });
    };
    await serves(parent, 2_000);
    await serves(child, 10_000);
    await book();
    const { serving } = await costOfVersion(ines, { versionId: child });
    // A tenth of a CPU of four at $400 an hour, for a quarter of one.
    expect(serving).toMatchObject({
      ...{ basis: "served", requests: 10_000, perHour: expect.closeTo(10, 3) },
      ...{
        per1000: expect.closeTo(0.25, 2),
        parentPer1000: expect.closeTo(1.25, 2),
        saved: expect.closeTo(10, 1),
      },
    });
  });
});
