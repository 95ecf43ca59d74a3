/** How requests are decided: policies by revision, approvals that are bound, freeze windows, comments, broken glass. */
import { and, desc, eq } from "drizzle-orm";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { version } from "../../db/schema/models";
import { releasePolicy, requestComment } from "../../db/schema/promotion";
import { promotionRequest, release } from "../../db/schema/releases";
import { takeTurn } from "../audit/service";
import { needs } from "../overview/service";
import type { TeamContext } from "../platform/context";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { untilSomebodyWaits } from "../platform/testing/locks";
import { registerFinishers } from "../runs/service";
import { addComment, comments, deleteComment } from "./comments";
import { judgeStale } from "./judging";
import { modelPage, overview, requestPage } from "./pages";
import { policyPage, previewPolicy, savePolicy } from "./policies";
import { DEFAULT_RULES, type PolicyRules } from "./policy-contract";
import { reconcileReleases } from "./reconcile";
import { lockRequest } from "./repo";
import { approve, breakGlass, createRequest, decline, finishMeasurement } from "./service";
import { joined, makeTeam, measured, replicasReady, requested, seen, serve, type TestTeam } from "./testing";

const connection = testConsole();
let t: TestTeam;
let admin: TeamContext;

beforeAll(() => registerFinishers({ evaluate: finishMeasurement }));
beforeEach(async () => {
  t = await makeTeam(connection.db);
  admin = await joined(t, "Ada Lind", ["admin"]);
});

const v = (number: number) => t.versions[number - 1]?.id ?? "";
const page = (number: number, ctx = t.mei) => requestPage(ctx, { number });
/** Saves the next revision of a scope's policy. */
async function policy(rules: Partial<PolicyRules> | null, modelId: string | null = null) {
  const scope = { environment: "production" as const, modelId };
  const { revision: basedOn } = await policyPage(admin, scope);
  return savePolicy(admin, { ...scope, basedOn, rules: rules && { ...DEFAULT_RULES, ...rules } });
}
const floor = (worseBy: number): Partial<PolicyRules> => ({
  metrics: [{ metric: "score", worseBy, test: "bound", minSamples: 0 }],
});
const newestAudit = async () =>
  (
    await connection.db
      .select()
      .from(auditEntry)
      .where(eq(auditEntry.teamId, t.ines.teamId))
      .orderBy(desc(auditEntry.seq))
      .limit(1)
  )[0];

describe("a policy", () => {
  it("that changes judges open requests again, voids what was bound to the old one, and never brings it back", async () => {
    await serve(t, v(1), null);
    const number = await requested(t, v(2), 0.001);
    await policy({ approvals: { count: 2, roles: [] } });
    await approve(t.mei, await seen(t, number));
    const stale = await seen(t, number);
    const scope = { environment: "production" as const, modelId: null };
    const rules = { ...DEFAULT_RULES, ...floor(0.001) };
    expect(await previewPolicy(admin, { ...scope, rules })).toMatchObject([
      { number, now: [{ state: "pass" }, {}, {}, {}], under: [{ state: "fail" }, {}, {}, {}], voided: 1 },
    ]);
    expect(await policy(floor(0.001))).toMatchObject({ revision: 2, judgedAgain: 1 });
    expect(await newestAudit()).toMatchObject({
      action: "promotion.judged_again",
      summary: `Judged request ${number} again: the policy changed, 1 approval is void`,
    });
    expect(await page(number)).toMatchObject({
      state: "open",
      approve: { kind: "gate" },
      decisions: [{ by: "Mei Tanaka", isVoid: "the policy changed since" }],
      approvals: { given: 0 },
    });
    await policy({ approvals: { count: 2, roles: [] } });
    expect((await page(number)).approvals).toMatchObject({ given: 0, needed: 2 });
    await expect(approve(t.mei, stale)).rejects.toMatchObject({ code: "policy_changed" });
    await approve(t.mei, await seen(t, number));
    expect((await page(number)).approvals).toMatchObject({ given: 1 });
  });

  it("with a bake time holds the next version up until what serves has settled, and judges again by itself", async () => {
    const first = await serve(t, v(1), null);
    await policy({ bakeMinutes: 30 });
    const servedFor = (minutes: number) =>
      connection.db
        .update(release)
        .set({ servingAt: new Date(Date.now() - minutes * 60_000) })
        .where(eq(release.id, first));
    await servedFor(12);
    const number = await requested(t, v(2), 0.001);
    const waits = await page(number);
    expect(waits.approve).toMatchObject({
      kind: "gate",
      words: expect.stringContaining("v1 settles in 18 min."),
    });
    expect(waits.gates.at(-1)).toMatchObject({ id: "bake", state: "fail", value: "12 of 30 min" });
    expect(await needs(t.mei)).toMatchObject({ approvals: 0 });
    expect((await overview(t.mei)).requests[0]).toMatchObject({ number, gates: 5, gatesPassed: 4 });
    await expect(approve(t.mei, await seen(t, number))).rejects.toMatchObject({ code: "gate_blocks" });
    await servedFor(31);
    // Nothing was judged in between: the gate is read from what served.
    expect(await page(number)).toMatchObject({ approve: null });
    expect(await needs(t.mei)).toMatchObject({ approvals: 1 });
    await approve(t.mei, await seen(t, number));
    expect((await page(number)).gates.at(-1)).toMatchObject({
      id: "bake",
      state: "pass",
      value: "v1 settled",
    });
  });

  it("of a model is followed instead of the team's, until it is taken away", async () => {
    const number = await requested(t, v(1), null);
    const other = await makeTeam(connection.db);
    const before = (await page(number)).digests.policyDigest;
    await policy({ bakeMinutes: 5 }, t.modelId);
    await policy({ bakeMinutes: 9 });
    expect((await page(number)).policy).toMatchObject({ modelId: t.modelId, rules: { bakeMinutes: 5 } });
    await policy(null, t.modelId);
    const { policy: inForce, digests } = await page(number);
    expect(inForce).toMatchObject({ modelId: null, revision: 1, rules: { bakeMinutes: 9 } });
    expect(digests.policyDigest).not.toBe(before);
    expect((await policyPage(other.ines, { environment: "production", modelId: null })).revision).toBe(0);
    await expect(
      policyPage(other.ines, { environment: "production", modelId: t.modelId }),
    ).rejects.toMatchObject({ kind: "not_found" });
  });

  it("is saved over what its editor saw, and over nothing else; its revisions stay as they were", async () => {
    await policy(floor(0.02));
    const scope = { environment: "production" as const, modelId: null };
    const rules = { ...DEFAULT_RULES, ...floor(0.03) };
    await expect(savePolicy(admin, { ...scope, basedOn: 0, rules })).rejects.toMatchObject({
      code: "policy_changed",
    });
    await expect(policy(floor(0.02))).rejects.toMatchObject({ code: "nothing_changed" });
    const both = await Promise.allSettled(
      [0.03, 0.04].map((worseBy) =>
        savePolicy(admin, { ...scope, basedOn: 1, rules: { ...DEFAULT_RULES, ...floor(worseBy) } }),
      ),
    );
    expect(both.map((one) => one.status).toSorted()).toEqual(["fulfilled", "rejected"]);
    await expect(connection.db.update(releasePolicy).set({ revision: 7 })).rejects.toThrow();
    expect(await newestAudit()).toMatchObject({ action: "policy.saved", actor: admin.actor.id });
  });

  it("is saved beside somebody who decides: each waits for the other's turn, and neither for ever", async () => {
    const number = await requested(t, v(1), null);
    let saved: Promise<unknown> | undefined;
    await connection.db.transaction(async (tx) => {
      await lockRequest(tx, t.ines.teamId, number);
      saved = policy({ bakeMinutes: 5 });
      await untilSomebodyWaits(connection.db);
      await takeTurn(tx, t.ines.teamId);
    });
    expect(await saved).toMatchObject({ judgedAgain: 1 });
  });

  it("judges again what was judged by one that is no longer in force, such as by an earlier release of the product", async () => {
    const number = await requested(t, v(1), null);
    const { policyDigest } = await seen(t, number);
    await connection.db
      .update(promotionRequest)
      .set({ policyDigest: "0".repeat(64), gates: [] })
      .where(and(eq(promotionRequest.teamId, t.ines.teamId), eq(promotionRequest.number, number)));
    expect((await page(number)).approve).toMatchObject({ kind: "changed" });
    await expect(approve(t.mei, await seen(t, number))).rejects.toMatchObject({ code: "policy_changed" });
    await judgeStale(connection.db);
    expect(await page(number)).toMatchObject({
      approve: null,
      digests: { policyDigest },
      gates: [{}, {}, {}, {}],
    });
  });
});

describe("approvals", () => {
  it("are as many and of such people as the policy asks for; the last one releases", async () => {
    const jo = await joined(t, "Jo Berg", ["approver"]);
    await policy({ approvals: { count: 2, roles: ["operator"] } });
    const number = await requested(t, v(1), null);
    const [first, waiting] = [await approve(jo, await seen(t, number)), await needs(jo)];
    expect(first).toMatchObject({ releaseId: null, stands: { given: 1, missingRoles: ["operator"] } });
    expect([waiting.approvals, (await needs(t.mei)).approvals, (await needs(t.ines)).approvals]).toEqual([
      0, 1, 0,
    ]);
    expect((await page(number, jo)).approve).toMatchObject({ kind: "given" });
    await expect(approve(jo, await seen(t, number))).rejects.toMatchObject({ code: "already_approved" });
    const lio = await joined(t, "Lio Roth", ["approver"]);
    expect(await approve(lio, await seen(t, number))).toMatchObject({
      releaseId: null,
      stands: { given: 2 },
    });
    expect(await approve(t.mei, await seen(t, number))).toMatchObject({ revision: 1 });
    await replicasReady(t);
    await reconcileReleases(connection.db);
    const { releases } = await overview(t.mei);
    expect(releases).toMatchObject([{ approvedBy: "Jo Berg, Lio Roth, Mei Tanaka", state: "serving" }]);
  });

  it("do not keep the same person from declining", async () => {
    await policy({ approvals: { count: 2, roles: [] } });
    const number = await requested(t, v(1), null);
    await approve(t.mei, await seen(t, number));
    await decline(t.mei, { number, sentence: "On second thoughts, no." });
    expect(await page(number)).toMatchObject({ state: "declined", decisions: [{}, { decision: "decline" }] });
  });

  it("are refused within a freeze window, with when it opens", async () => {
    const [from, to] = ["2020-01-01T00:00", "2099-01-01T00:00"];
    await policy({
      freeze: { timeZone: "Europe/Berlin", weekly: [], dated: [{ from, to, why: "a long rest" }] },
    });
    const number = await requested(t, v(1), null);
    expect(await page(number)).toMatchObject({
      approve: {
        kind: "frozen",
        words: expect.stringContaining("until Thu, 1 Jan 2099, 00:00, Europe/Berlin"),
      },
    });
    await expect(approve(t.mei, await seen(t, number))).rejects.toMatchObject({ code: "frozen" });
  });
});

describe("breaking the glass", () => {
  const reason = "Production answers nonsense; nobody else is awake.";
  const name = "garment-cls v2";

  it("releases past gates and approvals, and marks release, request, timeline and audit for ever", async () => {
    await serve(t, v(1), null);
    const number = await requested(t, v(2), -0.05);
    await expect(breakGlass(admin, { number, name: "garment-cls v1", reason })).rejects.toMatchObject({
      code: "other_name",
    });
    const { releaseId } = await breakGlass(admin, { number, name, reason });
    expect(await newestAudit()).toMatchObject({ actor: admin.actor.id, action: "promotion.glass_broken" });
    await replicasReady(t);
    await reconcileReleases(connection.db);
    const { serving, releases } = await modelPage(t.mei, t.production);
    expect(serving).toMatchObject({ id: releaseId, version: 2, breakGlass: reason, approvedBy: null });
    expect(releases.map((r) => r.breakGlass)).toEqual([reason, null]);
    expect(await page(number)).toMatchObject({
      state: "released",
      release: { breakGlass: reason, by: "Ada Lind" },
    });
    const row = connection.db.update(release).set({ breakGlass: null });
    await expect(row.where(eq(release.id, releaseId))).rejects.toThrow();
  });

  it("works while both versions are still measured, and stays what it is when that ends", async () => {
    await serve(t, v(1), null);
    const note = "It must be out tonight.";
    const { number } = await createRequest(t.ines, { versionId: v(2), datasetId: t.datasetId, note });
    await breakGlass(admin, { number, name, reason });
    await measured(t, number, 0.001);
    expect(await page(number)).toMatchObject({ state: "released", evaluation: null });
  });

  it("is refused for a version that is not ready to be served, and changes nothing", async () => {
    const number = await requested(t, v(2), null);
    await connection.db
      .update(version)
      .set({ state: "refused" })
      .where(eq(version.id, v(2)));
    await expect(breakGlass(admin, { number, name, reason })).rejects.toMatchObject({
      code: "version_not_ready",
    });
    expect((await page(number)).state).toBe("open");
  });
});

describe("comments", () => {
  it("stand beside the evidence in their order; one's own leaves a mark when it is taken back", async () => {
    const number = await requested(t, v(1), null);
    const { id } = await addComment(t.mei, { number, body: "Have you looked at Shirt?" });
    await addComment(t.ines, { number, body: "Yes, see the forest plot." });
    await expect(deleteComment(t.ines, { commentId: id })).rejects.toMatchObject({ kind: "forbidden" });
    await deleteComment(t.mei, { commentId: id });
    expect(await comments(t.mei, { number })).toMatchObject([
      { by: "Mei Tanaka", body: "", deletedAt: expect.any(Date), deletableUntil: null, isRequester: false },
      { by: "Ines Okafor", body: "Yes, see the forest plot.", deletedAt: null, isRequester: true },
    ]);
    const other = await makeTeam(connection.db);
    await expect(comments(other.mei, { number })).rejects.toMatchObject({ kind: "not_found" });
    await expect(deleteComment(other.mei, { commentId: id })).rejects.toMatchObject({ kind: "not_found" });
  });

  it("stay after ten minutes, and are never rewritten, by the database's word too", async () => {
    const number = await requested(t, v(1), null);
    const { id } = await addComment(t.mei, { number, body: "Looks fine to me." });
    const [row] = await connection.db.select().from(requestComment).where(eq(requestComment.id, id));
    const set = (values: Partial<typeof requestComment.$inferInsert>, of = id) =>
      connection.db.update(requestComment).set(values).where(eq(requestComment.id, of));
    await expect(set({ body: "I never said that." })).rejects.toThrow();
    const old = { id: newId("cmt"), createdAt: new Date(Date.now() - 11 * 60_000) };
    if (row) await connection.db.insert(requestComment).values({ ...row, ...old });
    await expect(deleteComment(t.mei, { commentId: old.id })).rejects.toMatchObject({
      code: "comment_stays",
    });
    await expect(set({ body: "", deletedAt: new Date() }, old.id)).rejects.toThrow();
  });
});
