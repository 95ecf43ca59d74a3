import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { eq, sql } from "drizzle-orm";
import { beforeEach, describe, expect, it } from "vitest";
import { cluster } from "../../db/schema/cluster";
import { attempt, run } from "../../db/schema/runs";
import { record } from "../audit/service";
import { defaultClusterId, desiredState, observe } from "../engine/service";
import { blobPath } from "../platform/blobs";
import type { TeamContext } from "../platform/context";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { untilSomebodyWaits } from "../platform/testing/locks";
import { deriveToken } from "../platform/tokens";
import { LogsReport, TrainSpec } from "./contract";
import { detail, logAt, logs, searchLogs } from "./screen-service";
import { LogAt, LogSearch, LogsQuery } from "./screens";
import { createRun, expireAttempts, type Outcome, registerFinishers, requestStop } from "./service";
import { ATTEMPT_MOVES, RUN_MOVES } from "./states";
import {
  fetchBlob,
  fetchSpec,
  INSPECTION,
  INSPECTION_RESULT,
  makeTeam,
  post,
  queue,
  REPORTS,
  storeBlob,
} from "./testing";

const connection = testConsole();
let ctx: TeamContext;
let finished: Outcome[];

beforeEach(async () => {
  ctx = await makeTeam(connection.db);
  finished = [];
  registerFinishers({ inspect_model: async (_tx, _run, outcome) => void finished.push(outcome) });
});

const stateOf = async (runId: string) => {
  const [row] = await connection.db.select().from(run).where(eq(run.id, runId));
  return row?.state;
};
const codeOf = async (response: Response) => (await response.json()).error.code;
const CAUSE = { kind: "worker_died", message: "gone", rank: 0, exitCode: null, evidence: "" };
const WORKERS = [{ rank: 0, nodeId: "n1", pid: 1, device: "cpu" }];

let seq = 0;
const job = (of: Awaited<ReturnType<typeof queue>>, state: string, exitCode: number | null = null) => ({
  jobId: of.attempt.jobId,
  attemptId: of.attempt.id,
  state,
  exitCode,
  message: "",
});
/** What the agent says of jobs; jobs of other tests are left out, which is no news of them unless they were seen. */
async function see(...jobs: ReturnType<typeof job>[]) {
  seq += 1;
  const clusterId = await defaultClusterId(connection.db);
  const { Observation } = await import("../engine/contract");
  const silence = { ms: 0, message: "" };
  const seen = Observation.parse({ incarnation: "incarnation-1", seq, appliedRevision: 0, silence, jobs });
  return observe(connection.db, clusterId, seen);
}

describe("state machines", () => {
  it.each([
    ["run", RUN_MOVES],
    ["attempt", ATTEMPT_MOVES],
  ] as const)("the database knows the same moves of a %s", async (machine, moves) => {
    const { rows } = await connection.db.execute<{ from_state: string; to_state: string }>(
      sql`select from_state, to_state from state_transition where machine = ${machine}`,
    );
    const ours = Object.entries<readonly string[]>(moves).flatMap(([from, to]) =>
      to.map((t) => `${from}>${t}`),
    );
    expect(rows.map((r) => `${r.from_state}>${r.to_state}`).sort()).toEqual(ours.sort());
  });

  it("illegal moves are refused by the database itself", async () => {
    const queued = await queue(ctx);
    const skip = connection.db.update(run).set({ state: "succeeded" }).where(eq(run.id, queued.id));
    await expect(skip).rejects.toMatchObject({ cause: { code: "23514" } });
    const jump = connection.db
      .update(attempt)
      .set({ state: "succeeded" })
      .where(eq(attempt.id, queued.attempt.id));
    await expect(jump).rejects.toMatchObject({ cause: { code: "23514" } });
  });
});

describe("a run", () => {
  it("succeeds with a result and a clean exit, not with one of them, and is finished once", async () => {
    const queued = await queue(ctx);
    expect((await post(queued.token, "state", { state: "running", workers: WORKERS })).status).toBe(204);
    expect((await post(queued.token, "result", { result: INSPECTION_RESULT })).status).toBe(204);
    expect(await stateOf(queued.id)).toBe("running");
    await see(job(queued, "running"));
    expect(finished).toEqual([]);
    await Promise.all([see(job(queued, "succeeded", 0)), see(job(queued, "succeeded", 0))]);
    expect(await stateOf(queued.id)).toBe("succeeded");
    expect(finished).toEqual([{ state: "succeeded", result: INSPECTION_RESULT }]);
  });

  it("fails when its job exits cleanly without a result", async () => {
    const queued = await queue(ctx);
    await see(job(queued, "succeeded", 0));
    expect(await stateOf(queued.id)).toBe("failed");
    expect(finished).toHaveLength(1);
  });

  it("keeps a worker's own error, whatever its job exits with", async () => {
    const queued = await queue(ctx);
    const own = { ...CAUSE, kind: "worker_error", message: "the shapes do not fit" };
    expect((await post(queued.token, "error", { cause: own })).status).toBe(204);
    await see(job(queued, "failed", 137));
    expect((await detail(ctx, queued.number)).cause?.message).toBe("the shapes do not fit");
    expect(finished).toHaveLength(1);
  });

  it("goes on in a new job from its checkpoint when its driver dies, until attempts are used up", async () => {
    const queued = await queue(ctx, 2);
    await see(job(queued, "running"));
    await see(job(queued, "failed", 137));
    const clusterId = await defaultClusterId(connection.db);
    const desired = (await desiredState(connection.db, clusterId)).attempts.find(
      (a) => a.runId === queued.id,
    );
    expect(desired?.jobId).toBe(`${queued.id}-2`);
    const { attempts } = await detail(ctx, queued.number);
    expect(attempts.map((a) => a.state)).toEqual(["failed", "placing"]);
    const second = { ...queued, attempt: { ...queued.attempt, jobId: `${queued.id}-2` } };
    await see(job(second, "lost"));
    expect(await stateOf(queued.id)).toBe("failed");
  });

  it("that is waiting stops at once; one that runs stops when its job is gone", async () => {
    const [waiting, running] = [await queue(ctx), await queue(ctx)];
    await requestStop(ctx, waiting.id);
    expect(await stateOf(waiting.id)).toBe("stopped");
    await see(job(running, "running"));
    await post(running.token, "state", { state: "running", workers: WORKERS });
    await requestStop(ctx, running.id);
    expect(await stateOf(running.id)).toBe("running");
    await see(job(running, "stopped"));
    expect(await stateOf(running.id)).toBe("stopped");
    expect(finished.map((o) => o.state)).toEqual(["stopped", "stopped"]);
  });

  it("is launched and another stopped in one team at once: they take turns", async () => {
    const other = await queue(ctx);
    let stopped: Promise<void> | undefined;
    await connection.db.transaction(async (tx) => {
      await createRun(tx, ctx, INSPECTION);
      stopped = requestStop(ctx, other.id);
      await untilSomebodyWaits(connection.db);
      await record(tx, ctx, { action: "run.launched", target: { kind: "run", id: "" }, summary: "" });
    });
    await stopped;
    expect(await stateOf(other.id)).toBe("stopped");
  });

  it("fails with the reason when its result can't be kept, and nothing of the finisher stays", async () => {
    const queued = await queue(ctx);
    registerFinishers({
      inspect_model: async (tx, ended, outcome) => {
        if (outcome.state !== "succeeded") return;
        await tx.update(run).set({ title: "half-done" }).where(eq(run.id, ended.id));
        throw new Error("no room");
      },
    });
    await post(queued.token, "result", { result: INSPECTION_RESULT });
    await see(job(queued, "succeeded", 0));
    const found = await detail(ctx, queued.number);
    expect(found).toMatchObject({
      state: "failed",
      title: "Inspect model.onnx",
      cause: { evidence: "no room" },
    });
  });
});

describe("a deadline", () => {
  const LONG_AGO = sql`now() - interval '1 hour'`;
  const expire = () => expireAttempts(connection.db, async () => {});
  const quiet = (attemptId: string) =>
    connection.db
      .update(attempt)
      .set({ stateSince: LONG_AGO, admittedAt: LONG_AGO })
      .where(eq(attempt.id, attemptId));
  const away = () => connection.db.update(cluster).set({ lastSeenAt: LONG_AGO, seenSince: LONG_AGO });
  const attempts = async (number: number) => (await detail(ctx, number)).attempts.map((a) => a.state);

  it("counts only while the agent is heard: an outage spends no attempt", async () => {
    const queued = await queue(ctx);
    await see();
    await quiet(queued.attempt.id);
    await away();
    await expire();
    expect(await attempts(queued.number)).toEqual(["placing"]);
    await see();
    await expire();
    expect(await attempts(queued.number)).toEqual(["placing"]);
    await connection.db.update(cluster).set({ seenSince: LONG_AGO });
    await see();
    await expire();
    expect(await attempts(queued.number)).toEqual(["failed", "placing"]);
    expect((await detail(ctx, queued.number)).attempts[0]?.cause).toMatchObject({ kind: "placement" });
  });

  it("of a stop that was asked for waits for no agent", async () => {
    const queued = await queue(ctx);
    await see();
    await post(queued.token, "state", { state: "running", workers: WORKERS });
    await requestStop(ctx, queued.id);
    await away();
    await expire();
    expect(await stateOf(queued.id)).toBe("running");
    await connection.db.update(run).set({ stopRequestedAt: LONG_AGO }).where(eq(run.id, queued.id));
    await expire();
    expect(await stateOf(queued.id)).toBe("stopped");
  });
});

describe("the door", () => {
  it("refuses every call of an attempt that is over, and nothing it says is kept", async () => {
    const queued = await queue(ctx);
    const answer = await post(queued.token, "next-attempt", { cause: CAUSE, lastStep: 7 });
    const next = await answer.json();
    expect(next).toMatchObject({ attempt: 2, checkpoint: null });
    const bodies: Record<string, unknown> = {
      checkpoints: { step: 1, sha256: "a".repeat(64), bytes: 1, metrics: {} },
      error: { cause: CAUSE },
      logs: { chunks: [] },
      metrics: { points: [] },
      "next-attempt": { cause: CAUSE, lastStep: 9 },
      result: { result: INSPECTION_RESULT },
      room: { nodes: [] },
      state: { state: "running", workers: WORKERS },
      progress: {
        progress: {
          phase: "late",
          percent: 1,
          step: 1,
          totalSteps: 2,
          etaSeconds: 1,
          message: "",
          checklist: [],
        },
      },
    };
    for (const report of REPORTS) {
      const refused = await post(queued.token, report, bodies[report]);
      expect([report, refused.status, await codeOf(refused)]).toEqual([report, 409, "stale_attempt"]);
    }
    expect(await codeOf(await fetchSpec(queued.token))).toBe("stale_attempt");
    const found = await detail(ctx, queued.number);
    expect(found.progress).toBeNull();
    expect(found.attempts.map((a) => [a.state, a.stepsLost])).toEqual([
      ["failed", 7],
      ["placing", null],
    ]);
    expect((await fetchSpec(next.token)).status).toBe(200);
  });

  it("gives one of many racing calls the next attempt", async () => {
    const queued = await queue(ctx);
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post(queued.token, "next-attempt", { cause: CAUSE, lastStep: 1 })),
    );
    expect(answers.filter((a) => a.status === 200)).toHaveLength(1);
    expect((await detail(ctx, queued.number)).attempts).toHaveLength(2);
  });

  it("ends the run when attempts are used up", async () => {
    const queued = await queue(ctx, 1);
    const refused = await post(queued.token, "next-attempt", { cause: CAUSE, lastStep: 1 });
    expect([refused.status, await codeOf(refused)]).toEqual([409, "attempts_exhausted"]);
    expect(await stateOf(queued.id)).toBe("failed");
    expect(finished).toMatchObject([{ state: "failed", cause: { message: "gone" } }]);
  });

  it("starts the next attempt from the newest checkpoint, stored before it was announced", async () => {
    const queued = await queue(ctx);
    const bytes = new TextEncoder().encode("weights of step 25");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const announced = { step: 25, sha256, bytes: bytes.length, metrics: {} };
    expect(await codeOf(await post(queued.token, "checkpoints", announced))).toBe("blob_missing");
    for (let i = 0; i < 2; i++) expect((await storeBlob(queued.token, sha256, bytes)).status).toBe(200);
    expect(await codeOf(await storeBlob(queued.token, "b".repeat(64), bytes))).toBe("digest_mismatch");
    for (let i = 0; i < 2; i++) expect((await post(queued.token, "checkpoints", announced)).status).toBe(204);
    const next = await (await post(queued.token, "next-attempt", { cause: CAUSE, lastStep: 31 })).json();
    expect(next.checkpoint).toEqual({ step: 25, sha256, bytes: bytes.length });
    const found = await detail(ctx, queued.number);
    expect(found.attempts[0]?.stepsLost).toBe(6);
    expect(await (await fetchBlob(next.token, sha256)).text()).toBe("weights of step 25");
    const stranger = await queue(await makeTeam(connection.db));
    expect((await fetchBlob(stranger.token, sha256)).status).toBe(404);
  });

  it("keeps the newest checkpoints and the best, and forgets the bytes of the others", async () => {
    const queued = await queue(ctx);
    const spec = TrainSpec.parse({
      kind: "train",
      init: { from: "architecture", name: "resnet-small", inputShape: [1, 8, 8], classes: 3 },
      teacher: null,
      keepMasks: false,
      precision: "fp32",
      recipe: null,
      baseline: null,
      dataset: {
        datasetId: newId("dts"),
        name: "digits",
        files: [{ role: "data", format: "npz", sha256: "b".repeat(64), bytes: 1, name: "digits.npz" }],
        split: { kind: "seeded", seed: 7, testFraction: 0.25 },
        transform: { scale: 1, mean: 0, std: 1 },
      },
      hyper: { keepLast: 2 },
    });
    await connection.db.update(run).set({ kind: "train", spec }).where(eq(run.id, queued.id));
    const digests: string[] = [];
    for (const [at, accuracy] of [0.5, 0.9, 0.7, 0.8, 0.6].entries()) {
      const bytes = new TextEncoder().encode(`${queued.id} ${at}`);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      digests.push(sha256);
      await storeBlob(queued.token, sha256, bytes);
      const report = { step: 10 * at, sha256, bytes: bytes.length, metrics: { "eval/accuracy": accuracy } };
      for (let i = 0; i < 2; i++) expect((await post(queued.token, "checkpoints", report)).status).toBe(204);
    }
    const found = await detail(ctx, queued.number);
    expect(found.checkpoints.map((c) => [c.step, c.kept])).toEqual([
      [40, "newest"],
      [30, "recent"],
      [10, "best, accuracy 90.0%"],
    ]);
    const answers = await Promise.all(digests.map((sha256) => fetchBlob(queued.token, sha256)));
    expect(answers.map((answer) => answer.status)).toEqual([404, 200, 404, 200, 200]);
    const onDisk = await Promise.all(digests.map((sha256) => stat(blobPath(sha256)).catch(() => null)));
    expect(onDisk.map((file) => file !== null)).toEqual([false, true, false, true, true]);
  });

  it("knows forged tokens, and lets sessions nowhere but to blobs", async () => {
    const queued = await queue(ctx);
    expect((await fetchSpec(`${queued.token}x`)).status).toBe(401);
    expect((await fetchSpec(deriveToken("session", newId("ses")))).status).toBe(403);
    expect((await fetchBlob(deriveToken("replica", newId("rep")), "a".repeat(64))).status).toBe(409);
  });

  it("keeps each line of a log once, however a replay is cut", async () => {
    const queued = await queue(ctx);
    const text = "INFO one\nERROR two ÿ😀\nINFO three\nINFO unfinished";
    const send = (offset: number, part: string) =>
      post(queued.token, "logs", LogsReport.parse({ chunks: [{ rank: 0, offset, text: part }] }));
    const points = Array.from(text);
    await send(0, points.slice(0, 12).join(""));
    await send(12, points.slice(12, 30).join(""));
    await send(0, points.slice(0, 20).join(""));
    await send(5, points.slice(5).join(""));
    const whole = await logs(ctx, LogsQuery.parse({ run: queued.number }));
    expect(whole.total).toBe(3);
    expect(whole.lines.map((l) => `${l.index} ${l.number} ${l.text}`)).toEqual([
      "0 1 INFO one",
      "1 2 ERROR two ÿ😀",
      "2 3 INFO three",
    ]);
    const stretch = async (from: number, limit: number) =>
      (await logs(ctx, LogsQuery.parse({ run: queued.number, from, limit }))).lines;
    expect([...(await stretch(0, 2)), ...(await stretch(2, 2))]).toEqual(whole.lines);
    const newest = await logs(ctx, LogsQuery.parse({ run: queued.number, limit: 1 }));
    expect(newest.lines).toEqual(whole.lines.slice(2));
    const search = (query: object) => searchLogs(ctx, LogSearch.parse({ run: queued.number, ...query }));
    expect((await search({ search: "TWO" })).lines.map((l) => l.index)).toEqual([1]);
    expect((await search({ level: "error" })).lines.map((l) => l.index)).toEqual([1]);
    const first = await search({ search: "info", limit: 1 });
    expect(first.next).toBe(1);
    expect((await search({ search: "info", cursor: first.next })).lines.map((l) => l.index)).toEqual([2]);
    const at = (ts: number) => logAt(ctx, LogAt.parse({ run: queued.number, ts }));
    expect(await at(0)).toEqual({ index: 0, total: 3 });
    expect(await at(Date.now() + 60_000)).toEqual({ index: 2, total: 3 });
  });
});
