import { and, eq, isNull } from "drizzle-orm";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from "vitest";
import { connect } from "../../db/client";
import { auditEntry } from "../../db/schema/audit";
import { cluster } from "../../db/schema/cluster";
import { approval, promotionRequest, replica } from "../../db/schema/releases";
import { verify } from "../audit/log";
import { insertReadyDataset } from "../datasets/testing/examples";
import { newId } from "../platform/ids";
import { untilSomebodyWaits } from "../platform/testing/locks";
import { createTestDatabase, type TestDatabase } from "../platform/testing/postgres";
import { advance, leave } from "../runs/lifecycle";
import { lockRun, newestAttempt } from "../runs/repo";
import { getRun, registerFinishers } from "../runs/service";
import { modelPage, overview, requestForm, requestPage } from "./pages";
import { reconcileReleases } from "./reconcile";
import { observeReplica } from "./replicas";
import { findRequest } from "./repo";
import { approve, createRequest, decline, finishMeasurement, withdraw } from "./service";
import {
  makeTeam,
  measured,
  numbered,
  replicasReady,
  requested,
  routeOf,
  seen,
  serve,
  servedOf,
  type TestTeam,
} from "./testing";

let database: TestDatabase;
let connection: ReturnType<typeof connect>;
let t: TestTeam;

beforeAll(async () => {
  database = await createTestDatabase(inject("postgresUrl"));
  process.env.DATABASE_URL = database.url;
  connection = connect(database.url);
  registerFinishers({ evaluate: finishMeasurement });
});
afterAll(async () => {
  await connection.pool.end();
  await database.drop();
});
beforeEach(async () => {
  t = await makeTeam(connection.db);
});

const v = (number: number) => numbered(t, number);
const serving = () => servedOf(t);
const route = () => routeOf(t);
const requestState = async (number: number) => (await requestPage(t.mei, { number })).state;
const file = { sha256: "ab".repeat(32), bytes: 1000 };

describe("a promotion", () => {
  it("is measured, opened with its evidence, approved by another, prepared, and then serves", async () => {
    const { number } = await createRequest(t.ines, {
      versionId: v(1).id,
      datasetId: t.datasetId,
      note: "The first version.",
    });
    expect(await requestState(number)).toBe("measuring");
    await expect(
      approve(t.mei, {
        number,
        versionDigest: v(1).digest,
        evaluationDigest: v(1).digest,
        policyDigest: v(1).digest,
        sentence: "",
      }),
    ).rejects.toThrow(/measuring/);
    await measured(t, number, null);
    const page = await requestPage(t.mei, { number });
    expect(page).toMatchObject({ state: "open", approve: null, candidate: { number: 1 }, production: null });
    expect(page.gates.map((gate) => gate.state)).toEqual(["not_measured", "not_measured", "pass", "pass"]);

    await approve(t.mei, await seen(t, number));
    expect(await serving()).toEqual([]);
    expect(await route()).toBeUndefined();
    await replicasReady(t);
    await reconcileReleases(connection.db);
    expect(await serving()).toEqual([v(1).id]);
    expect(await route()).toMatchObject({
      version: { number: 1, digest: v(1).digest },
      weight: 100,
      replicas: [{}],
    });
    const actions = (
      await connection.db
        .select()
        .from(auditEntry)
        .where(eq(auditEntry.teamId, t.ines.teamId))
        .orderBy(auditEntry.seq)
    ).map((e) => e.action);
    expect(actions).toEqual(
      expect.arrayContaining(["promotion.requested", "promotion.approved", "release.served"]),
    );
  });

  it("is told in the words of what its dataset asks, from the form to the gates", async () => {
    await serve(t, v(1).id, null);
    const prices = await insertReadyDataset(t.ines, [28, 28], file, {
      task: "regression",
      labelShape: [10],
      classes: [],
      test: 10_000,
    });
    const form = await requestForm(t.ines, { versionId: v(2).id });
    expect(form.datasets.map((d) => [d.id, d.task])).toEqual([
      [prices, "regression"],
      [t.datasetId, "classification"],
    ]);
    const note = "Half the size and R² as good.";
    const { number } = await createRequest(t.ines, { versionId: v(2).id, datasetId: prices, note });
    expect(await requestPage(t.mei, { number })).toMatchObject({ task: "regression", evaluation: null });
    await measured(t, number, -0.004, "regression");
    expect((await requestPage(t.mei, { number })).gates[0]).toMatchObject({
      label: "R², lower bound ≥ −0.010",
      value: "−0.0077",
      state: "pass",
    });
    const { requests } = await overview(t.mei);
    expect(requests.map((r) => [r.number, r.task, r.difference])).toEqual([
      [number, "regression", -0.004],
      [expect.any(Number), "classification", null],
    ]);
  });

  it("is not asked for on samples without labels while there is nothing to compare with", async () => {
    const bare = await insertReadyDataset(t.ines, [28, 28], file, { task: "unlabelled", classes: [] });
    const offered = async () => (await requestForm(t.ines, { versionId: v(2).id })).datasets.map((d) => d.id);
    expect(await offered()).toEqual([t.datasetId]);
    await serve(t, v(1).id, null);
    expect(await offered()).toEqual([bare, t.datasetId]);
  });

  it("is not approved by who asked for it, by the service's word", async () => {
    const number = await requested(t, v(1).id, null);
    await expect(approve(t.ines, await seen(t, number))).rejects.toMatchObject({ code: "own_request" });
    expect((await requestPage(t.ines, { number })).approve).toMatchObject({ kind: "requester" });
    await expect(decline(t.ines, { number, sentence: "not good" })).rejects.toMatchObject({
      code: "own_request",
    });
  });

  it("is not approved by who asked for it, by the database's word, whatever the row claims", async () => {
    const number = await requested(t, v(1).id, null);
    const [request] = await connection.db
      .select()
      .from(promotionRequest)
      .where(and(eq(promotionRequest.teamId, t.ines.teamId), eq(promotionRequest.number, number)));
    const client = new Client({ connectionString: database.url });
    await client.connect();
    await expect(
      client.query(
        `insert into approval (id, team_id, request_id, requested_by, approver_id, decision, version_digest, evaluation_digest, policy_digest)
         values ($1, $2, $3, $4, $5, 'approve', 'a', 'b', 'c')`,
        [newId("apr"), t.ines.teamId, request?.id, t.mei.actor.id, t.ines.actor.id],
      ),
    ).rejects.toThrow(/nobody_approves_their_own/);
    await client.end();
    expect(await connection.db.select().from(approval).where(eq(approval.teamId, t.ines.teamId))).toEqual([]);
  });

  it("is void once its evaluation changed, and stays void", async () => {
    const number = await requested(t, v(1).id, null);
    const before = await seen(t, number);
    const [request] = await connection.db
      .select()
      .from(promotionRequest)
      .where(and(eq(promotionRequest.teamId, t.ines.teamId), eq(promotionRequest.number, number)));
    const evidence = { ...Object(request?.evidence), baseline: { changed: true } };
    await connection.db
      .update(promotionRequest)
      .set({ evidence })
      .where(eq(promotionRequest.id, request?.id ?? ""));
    await expect(approve(t.mei, before)).rejects.toMatchObject({ code: "request_void" });
    await expect(approve(t.mei, before)).rejects.toMatchObject({ code: "request_not_open" });
    expect(await serving()).toEqual([]);
  });

  it("waits for its gates", async () => {
    await serve(t, v(1).id, null);
    const number = await requested(t, v(2).id, -0.02);
    await expect(approve(t.mei, await seen(t, number))).rejects.toMatchObject({ code: "gate_blocks" });
    expect((await requestPage(t.mei, { number })).approve).toMatchObject({ kind: "gate" });
    expect(await requestState(number)).toBe("open");
  });

  it("is declined with a sentence or withdrawn, and production stays", async () => {
    await serve(t, v(1).id, null);
    const first = await requested(t, v(2).id, 0.001);
    await decline(t.mei, { number: first, sentence: "Win Shirt back first." });
    expect(await requestPage(t.ines, { number: first })).toMatchObject({
      state: "declined",
      decisions: [{ sentence: "Win Shirt back first." }],
    });
    const second = await requested(t, v(2).id, 0.001);
    await withdraw(t.ines, { number: second });
    await expect(approve(t.mei, await seen(t, second))).rejects.toMatchObject({ code: "request_not_open" });
    expect(await serving()).toEqual([v(1).id]);
  });

  describe("withdrawn while it is measured", () => {
    let number: number;
    let runId: string;
    beforeEach(async () => {
      const input = { versionId: v(1).id, datasetId: t.datasetId, note: "Too early." };
      ({ number } = await createRequest(t.ines, input));
      runId = (await findRequest(connection.db, t.ines.teamId, number))?.runId ?? "";
    });
    const run = () => getRun(connection.db, t.ines.teamId, runId);
    const inRun = (work: (...args: Parameters<typeof leave>) => Promise<unknown>) =>
      connection.db.transaction(async (tx) => {
        const [locked, attempt] = [await lockRun(tx, runId), await newestAttempt(tx, runId)];
        if (!locked || !attempt) throw new Error("the request has no run");
        await work(tx, locked, attempt);
      });

    it("stops a run that waits for a place, and says so", async () => {
      await withdraw(t.ines, { number });
      expect(await run()).toMatchObject({ state: "stopped" });
      expect(await requestState(number)).toBe("withdrawn");
      const entries = await connection.db
        .select()
        .from(auditEntry)
        .where(eq(auditEntry.teamId, t.ines.teamId))
        .orderBy(auditEntry.seq);
      expect(entries.slice(-2)).toMatchObject([
        { action: "promotion.withdrawn", actor: t.ines.actor.id },
        { action: "run.stop_requested", actor: t.ines.actor.id, targetId: runId },
      ]);
    });

    it("asks a run that measures to stop, and tells the cluster", async () => {
      await inRun((tx, locked, attempt) => advance(tx, locked, attempt, "running"));
      const revision = async () => (await connection.db.select().from(cluster))[0]?.desiredRevision ?? 0;
      const before = await revision();
      await withdraw(t.ines, { number });
      expect(await run()).toMatchObject({ state: "running", stopRequestedAt: expect.any(Date) });
      expect(await revision()).toBeGreaterThan(before);
      await inRun(leave);
      expect(await requestState(number)).toBe("withdrawn");
    });

    it("takes turns with the end of its run", async () => {
      let withdrawn: Promise<void> | undefined;
      await inRun(async (tx, locked, attempt) => {
        withdrawn = withdraw(t.ines, { number });
        // It is refused before anything awaits it.
        withdrawn.catch(() => undefined);
        await untilSomebodyWaits(connection.db);
        await leave(tx, locked, attempt);
      });
      await expect(withdrawn).rejects.toThrow(`Request ${number} is void already.`);
    });
  });

  it("fails with the replicas' cause when they keep ending, and nothing is switched", async () => {
    await serve(t, v(1).id, null);
    const number = await requested(t, v(2).id, 0.001);
    await approve(t.mei, await seen(t, number));
    for (let i = 0; i < 3; i += 1) {
      const [row] = await connection.db
        .select()
        .from(replica)
        .where(and(eq(replica.versionId, v(2).id), isNull(replica.undesiredAt)));
      await connection.db.transaction((tx) =>
        observeReplica(
          tx,
          {
            ...{ kind: "replica", id: row?.id ?? "", state: "failed", message: "no kernel for Foo" },
            ...{ address: null, nodeId: null, pid: null },
          },
          new Date(),
        ),
      );
      // The pause before the next start is over.
      await reconcileReleases(connection.db, undefined, () => new Date(Date.now() + 60_000));
    }
    const page = await modelPage(t.mei, t.production);
    expect(page.releases[0]).toMatchObject({
      state: "failed",
      version: 2,
      message: expect.stringContaining("no kernel for Foo"),
    });
    expect(page.serving).toMatchObject({ version: 1 });
    expect(await route()).toMatchObject({ version: { number: 1 } });
  });
});

describe("the audit chain", () => {
  it("is whole after all of this, and says which entry somebody changed", async () => {
    await serve(t, v(1).id, null);
    const whole = await verify(t.mei);
    expect(whole).toMatchObject({ broken: null, checked: expect.any(Number) });
    expect(whole.checked).toBeGreaterThanOrEqual(3);
    const tamper = async (change: string) => {
      const client = new Client({ connectionString: database.url });
      await client.connect();
      // What only the owner of the database can do: the trigger refuses everybody else.
      await client.query(`begin; set local session_replication_role = replica; ${change}; commit`);
      await client.end();
    };
    await expect(connection.db.update(auditEntry).set({ summary: "x" })).rejects.toThrow();
    await tamper(
      `update audit_entry set summary = 'nothing happened' where team_id = '${t.ines.teamId}' and seq = 2`,
    );
    expect(await verify(t.mei)).toMatchObject({
      checked: 1,
      broken: { seq: 2, why: expect.stringContaining("content") },
    });
    await tamper(`delete from audit_entry where team_id = '${t.ines.teamId}' and seq = 2`);
    expect(await verify(t.mei)).toMatchObject({ broken: { seq: 3, why: "Entry 2 is missing." } });
  });
});
