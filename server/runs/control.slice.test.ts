/** The life of a run under a person's control: pause, resume, go on, run again, the queue and the budget. */
import { createHash } from "node:crypto";
import { desc, eq, sql } from "drizzle-orm";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { attempt, run, runArtifact } from "../../db/schema/runs";
import { Observation } from "../engine/contract";
import { defaultClusterId, desiredState, observe, registerSources } from "../engine/service";
import type { TeamContext } from "../platform/context";
import { testConsole } from "../platform/testing/console";
import { deriveToken } from "../platform/tokens";
import { stopOverspent } from "./budget";
import { continueRun, requestPause, rerun, resumeRun, setPriority, versionOfCheckpoint } from "./control";
import { type Outcome, registerFinishers } from "./finishers";
import { newestAttempt } from "./repo";
import { detail } from "./screen-service";
import {
  admitWaiting,
  createRun,
  desiredAttempts,
  expireAttempts,
  type NewRun,
  requestStop,
} from "./service";
import { fetchSpec, INSPECTION, makeTeam, post, storeBlob, TRAINING } from "./testing";

const connection = testConsole({ LATHE_POOL_MAX: "4" });
let ctx: TeamContext;
let finished: Outcome[];

beforeAll(async () => {
  registerSources({ attempts: desiredAttempts });
});
beforeEach(async () => {
  await connection.db.execute(sql`truncate run, attempt, checkpoint, run_artifact cascade`);
  ctx = await makeTeam(connection.db);
  finished = [];
  const keep = async (_tx: unknown, _run: unknown, outcome: Outcome) => void finished.push(outcome);
  registerFinishers({ train: keep, script: keep, inspect_model: keep });
});

const SCRIPT: NewRun = {
  kind: "script",
  title: "experiment.zip: train.py",
  spec: { kind: "script", code: "c".repeat(64), filename: "experiment.zip", entry: "train.py" },
  resources: { workers: 2, cpus: 1, gpus: 0 },
};
const fence = async () => {};
const launch = (over: Partial<NewRun> = {}, as = ctx, what = TRAINING) =>
  connection.db.transaction((tx) => createRun(tx, as, { ...what, ...over }));
const admit = () => admitWaiting(connection.db, fence);
const stateOf = async (id: string) => (await rowOf(id)).state;
async function rowOf(id: string) {
  const [row] = await connection.db.select().from(run).where(eq(run.id, id));
  if (!row) throw new Error("no such run");
  return row;
}
async function newest(id: string) {
  const found = await newestAttempt(connection.db, id);
  if (!found) throw new Error("the run has no attempt");
  return { ...found, token: deriveToken("attempt", found.id) };
}
/** Runs that the cluster is asked for, by number. */
async function desired() {
  const { attempts } = await desiredState(connection.db, await defaultClusterId(connection.db));
  const numbers = await Promise.all(attempts.map(async (a) => (await rowOf(a.runId)).number));
  return numbers.sort((a, b) => a - b);
}

const WORKERS = [{ rank: 0, nodeId: "n1", pid: 1, device: "cpu" }];
let seq = 0;
/** What the agent says of the job of a run's newest attempt. */
async function see(id: string, state: string, exitCode: number | null = null) {
  const { jobId, id: attemptId } = await newest(id);
  seq += 1;
  const jobs = [{ jobId, attemptId, state, exitCode, message: "" }];
  const silence = { ms: 0, message: "" };
  const seen = Observation.parse({ incarnation: "incarnation-1", seq, appliedRevision: 0, silence, jobs });
  await observe(connection.db, await defaultClusterId(connection.db), seen);
}
async function begin(id: string) {
  await admit();
  await see(id, "running");
  const { token } = await newest(id);
  expect((await post(token, "state", { state: "running", workers: WORKERS })).status).toBe(204);
}
async function checkpoint(id: string, step: number) {
  const { token } = await newest(id);
  const bytes = new TextEncoder().encode(`weights of ${id} at step ${step}`);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await storeBlob(token, sha256, bytes);
  const said = await post(token, "checkpoints", { step, sha256, bytes: bytes.length, metrics: {} });
  expect(said.status).toBe(204);
  return { step, sha256, bytes: bytes.length };
}
const lastAudit = async () => {
  const [entry] = await connection.db
    .select()
    .from(auditEntry)
    .where(eq(auditEntry.teamId, ctx.teamId))
    .orderBy(desc(auditEntry.seq))
    .limit(1);
  return entry;
};

describe("a pause", () => {
  it("ends the attempt with a checkpoint, and a resume goes on from it without spending an attempt", async () => {
    const { id, number } = await launch({ maxAttempts: 1 });
    await begin(id);
    await requestPause(ctx, id);
    expect(await desired()).toEqual([]);
    expect((await detail(ctx, number)).pauseRequestedAt).toBeInstanceOf(Date);
    // The workers' last word is their checkpoint.
    const kept = await checkpoint(id, 40);
    await see(id, "succeeded", 0);
    expect(await stateOf(id)).toBe("paused");
    expect(finished).toEqual([]);
    expect((await newest(id)).cause?.message).toBe("Paused by request.");

    await resumeRun(ctx, id);
    expect(await lastAudit()).toMatchObject({ action: "run.resumed", targetId: id });
    expect(await stateOf(id)).toBe("queued");
    await admit();
    expect(await desired()).toEqual([number]);
    const { token, jobId, firstStep } = await newest(id);
    expect([jobId, firstStep]).toEqual([`${id}-2`, 40]);
    expect(await (await fetchSpec(token)).json()).toMatchObject({ checkpoint: kept, maxAttempts: 2 });
    await begin(id);
    await see(id, "failed", 137);
    expect(await stateOf(id)).toBe("failed");
    expect(finished).toMatchObject([{ state: "failed" }]);
  });

  it("takes a run that waits at once, and one whose workers say nothing after the deadline", async () => {
    const [waits, hangs] = [await launch(), await launch()];
    await requestPause(ctx, waits.id);
    expect(await stateOf(waits.id)).toBe("paused");
    await begin(hangs.id);
    await requestPause(ctx, hangs.id);
    await expireAttempts(connection.db, fence);
    expect(await stateOf(hangs.id)).toBe("running");
    await connection.db
      .update(run)
      .set({ pauseRequestedAt: sql`now() - interval '1 hour'` })
      .where(eq(run.id, hangs.id));
    await expireAttempts(connection.db, fence);
    expect(await stateOf(hangs.id)).toBe("paused");
  });

  it("is over when the run stops instead, which finishes it once", async () => {
    const { id } = await launch();
    await begin(id);
    await requestPause(ctx, id);
    await expect(resumeRun(ctx, id)).rejects.toThrow("it is still pausing");
    await see(id, "stopped");
    await requestStop(ctx, id);
    expect(await stateOf(id)).toBe("stopped");
    expect(finished).toMatchObject([{ state: "stopped" }]);
  });

  it("is refused to scripts, to runs that are over and to people whose run it is not", async () => {
    const script = await launch({}, ctx, SCRIPT);
    await expect(requestPause(ctx, script.id)).rejects.toThrow("Only training runs pause");
    const { id } = await launch();
    const viewer = { kind: "person" as const, id: "usr_v", name: "V", roles: ["viewer" as const] };
    await expect(requestPause({ ...ctx, actor: viewer }, id)).rejects.toThrow("not yours to pause");
    await expect(requestPause(await makeTeam(connection.db), id)).rejects.toThrow("no such run");
    await requestStop(ctx, id);
    await expect(requestPause(ctx, id)).rejects.toThrow("it is stopped");
    await expect(resumeRun(ctx, id)).rejects.toThrow("it is stopped");
  });
});

describe("going on", () => {
  it("is a new run that begins from the newest checkpoint; its first failure does too", async () => {
    const first = await launch();
    await begin(first.id);
    await expect(continueRun(ctx, first.id)).rejects.toThrow("can't be continued");
    const kept = await checkpoint(first.id, 25);
    await requestStop(ctx, first.id);
    await see(first.id, "stopped");
    const next = await continueRun(ctx, first.id);
    expect((await lastAudit())?.summary).toContain(`goes on from step 25 of run ${first.number}`);
    await begin(next.id);
    expect(await (await fetchSpec((await newest(next.id)).token)).json()).toMatchObject({ checkpoint: kept });
    await see(next.id, "failed", 137);
    expect(await (await fetchSpec((await newest(next.id)).token)).json()).toMatchObject({ checkpoint: kept });
    const found = await detail(ctx, next.number);
    expect(found.origin).toEqual({ number: first.number, kind: "continuation", isSame: null });
    expect(found.attempts.map((a) => a.resumedStep)).toEqual([25, 25]);
  });

  it("is refused without a checkpoint", async () => {
    const { id, number } = await launch();
    await requestStop(ctx, id);
    expect((await detail(ctx, number)).can.continue).toBe(false);
    await expect(continueRun(ctx, id)).rejects.toThrow("left no checkpoint");
  });
});

describe("a checkpoint", () => {
  const kept = async (number: number, step: number) => {
    const found = (await detail(ctx, number)).checkpoints.find((one) => one.step === step);
    if (!found) throw new Error(`no checkpoint of step ${step}`);
    return found;
  };

  it("becomes a version by a run that trains no further, while its own run goes on", async () => {
    const keepsOne = { ...TRAINING.spec, hyper: { seed: 7, keepLast: 1 } } as NewRun["spec"];
    const first = await launch({ spec: keepsOne });
    await begin(first.id);
    const early = await checkpoint(first.id, 25);
    const { id } = await kept(first.number, 25);
    const made = await versionOfCheckpoint(ctx, first.id, id);
    expect((await lastAudit())?.summary).toContain(`makes a version of step 25 of run ${first.number}`);
    // Its bytes are wanted: the policy of the run that goes on does not remove them.
    await checkpoint(first.id, 50);
    expect((await kept(first.number, 25)).sha256).toBe(early.sha256);
    const { token } = await newest(made.id);
    expect(await (await fetchSpec(token)).json()).toMatchObject({
      checkpoint: early,
      spec: { hyper: { seed: 7, stopAtStep: 25 } },
      resources: { workers: 1 },
    });
    await requestStop(ctx, made.id);
    await checkpoint(first.id, 75);
    await expect(versionOfCheckpoint(ctx, first.id, id)).rejects.toThrow("keeps no such checkpoint");
  });

  it("that is not the newest is gone on from when it is named", async () => {
    const first = await launch();
    await begin(first.id);
    const early = await checkpoint(first.id, 25);
    await checkpoint(first.id, 50);
    await requestStop(ctx, first.id);
    await see(first.id, "stopped");
    const next = await continueRun(ctx, first.id, (await kept(first.number, 25)).id);
    const spec = await (await fetchSpec((await newest(next.id)).token)).json();
    expect(spec).toMatchObject({ checkpoint: early, spec: { hyper: { stopAtStep: null } } });
    const other = await launch();
    await expect(versionOfCheckpoint(ctx, other.id, (await kept(first.number, 50)).id)).rejects.toThrow(
      "keeps no such checkpoint",
    );
  });
});

describe("a rerun", () => {
  const artifact = (runId: string, sha256: string) =>
    connection.db
      .insert(runArtifact)
      .values({ teamId: ctx.teamId, runId, path: "model.pt", sha256, bytes: 1 });
  async function succeed(id: string) {
    await begin(id);
    const { token } = await newest(id);
    await post(token, "result", { result: { kind: "script", seconds: 1, environment: {} } });
    await see(id, "succeeded", 0);
    expect(await stateOf(id)).toBe("succeeded");
  }
  async function blobOf(id: string, text: string) {
    const bytes = new TextEncoder().encode(text);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await storeBlob((await newest(id)).token, sha256, bytes);
    return sha256;
  }

  it("has the same spec, resources and seed, names its origin, and says whether the same came out", async () => {
    const first = await launch({ priority: "high", maxHours: 4, maxAttempts: 2 }, ctx, SCRIPT);
    const weights = await blobOf(first.id, "weights");
    await artifact(first.id, weights);
    const again = await rerun(ctx, first.id);
    const pick = ({ spec, resources, priority, maxHours, maxAttempts, title }: typeof run.$inferSelect) => ({
      spec,
      resources,
      priority,
      maxHours,
      maxAttempts,
      title,
    });
    expect(pick(await rowOf(again.id))).toEqual(pick(await rowOf(first.id)));
    expect((await lastAudit())?.summary).toContain(`a rerun of run ${first.number}`);
    const isSame = async () => (await detail(ctx, again.number)).origin?.isSame;
    expect(await isSame()).toBeNull();
    await succeed(first.id);
    await succeed(again.id);
    expect(await isSame()).toBe(false);
    await artifact(again.id, weights);
    expect(await isSame()).toBe(true);
  });

  it("is refused for what something else asked for", async () => {
    const { id } = await launch({}, ctx, INSPECTION);
    await expect(rerun(ctx, id)).rejects.toThrow("belongs to what asked for it");
  });
});

describe("the queue", () => {
  const queueOf = async (number: number, as = ctx) => (await detail(as, number)).queue;

  it("lets runs in while there is room, the highest priority first, then the oldest, nobody past another", async () => {
    const shape = (workers: number) => ({ resources: { workers, cpus: 1, gpus: 0 } });
    const [a, b, c, d] = [
      await launch(shape(2)),
      await launch(shape(3)),
      await launch(shape(1)),
      await launch(shape(2)),
    ];
    expect(await desired()).toEqual([]);
    await admit();
    expect(await desired()).toEqual([a.number]);
    expect(await queueOf(a.number)).toBeNull();
    expect(await queueOf(b.number)).toMatchObject({ position: 1, of: 3, startsInSeconds: null });
    expect(await queueOf(d.number)).toMatchObject({ position: 3, of: 3 });
    await setPriority(ctx, d.id, "high");
    expect(await lastAudit()).toMatchObject({ action: "run.priority_set", targetId: d.id });
    await admit();
    expect(await desired()).toEqual([a.number, d.number]);
    await expect(setPriority(ctx, d.id, "low")).rejects.toThrow("does not wait in the queue");
    await requestStop(ctx, a.id);
    await admit();
    expect(await desired()).toEqual([d.number]);
    await requestStop(ctx, b.id);
    await admit();
    expect(await desired()).toEqual([c.number, d.number]);
  });

  it("counts other teams' runs without naming them, and never holds inspections back", async () => {
    const shape = { resources: { workers: 4, cpus: 1, gpus: 0 } };
    const theirs = await makeTeam(connection.db);
    await launch(shape, theirs);
    await admit();
    await launch(shape, theirs);
    const mine = await launch(shape);
    expect(await queueOf(mine.number)).toMatchObject({ position: 2 });
    const small = await launch({}, ctx, INSPECTION);
    expect(await desired()).toContain(small.number);
  });

  it("passes what the cluster can never hold", async () => {
    const big = await launch({ resources: { workers: 5, cpus: 1, gpus: 0 } });
    const other = await launch();
    await admit();
    expect(await desired()).toEqual([other.number]);
    expect((await queueOf(big.number))?.startsInSeconds).toBeNull();
  });

  it("has no deadline, while a run that was let in has its own", async () => {
    const [waits, placed] = [await launch({ resources: { workers: 5, cpus: 1, gpus: 0 } }), await launch()];
    const old = { stateSince: sql`now() - interval '1 hour'` };
    await admit();
    await connection.db.update(attempt).set(old);
    await connection.db.execute(
      sql`update cluster set seen_since = now() - interval '1 hour', last_seen_at = now()`,
    );
    await expireAttempts(connection.db, fence);
    // Admitted just now: it has its whole time for being placed.
    expect((await detail(ctx, placed.number)).attempts.map((a) => a.state)).toEqual(["placing"]);
    await connection.db.execute(
      sql`update attempt set admitted_at = now() - interval '1 hour' where admitted_at is not null`,
    );
    await expireAttempts(connection.db, fence);
    expect((await detail(ctx, placed.number)).attempts.map((a) => a.state)).toEqual(["failed", "placing"]);
    expect((await detail(ctx, waits.number)).attempts.map((a) => a.state)).toEqual(["placing"]);
    // The second attempt keeps the first one's room.
    expect(await desired()).toEqual([placed.number]);
  });

  it("foretells a start from what runs have left and what runs like those ahead took", async () => {
    const shape = { resources: { workers: 4, cpus: 1, gpus: 0 } };
    const past = await launch(shape);
    await begin(past.id);
    await requestStop(ctx, past.id);
    await see(past.id, "stopped");
    const ran = sql`update run set started_at = now() - interval '300 s', ended_at = now()`;
    await connection.db.execute(ran);
    const running = await launch(shape);
    await begin(running.id);
    const left = { phase: "training", percent: 50, step: 1, totalSteps: 2, etaSeconds: 60, message: "" };
    await post((await newest(running.id)).token, "progress", { progress: { ...left, checklist: [] } });
    const [ahead, last] = [await launch(shape), await launch(shape)];
    expect((await queueOf(ahead.number))?.startsInSeconds).toBe(60);
    expect((await queueOf(last.number))?.startsInSeconds).toBeNull();
    await connection.db.execute(sql`alter table run disable trigger run_transition`);
    await connection.db.update(run).set({ state: "succeeded" }).where(eq(run.id, past.id));
    await connection.db.execute(sql`alter table run enable trigger run_transition`);
    expect((await queueOf(last.number))?.startsInSeconds).toBe(360);
  });
});

describe("a budget of hours", () => {
  it("stops the run, says why, and counts what attempts ran, not what they waited", async () => {
    const { id, number } = await launch({ maxHours: 1 });
    await begin(id);
    await requestPause(ctx, id);
    await see(id, "stopped");
    const ago = (minutes: number) => sql`now() - make_interval(mins => ${minutes}::int)`;
    await connection.db.update(attempt).set({ startedAt: ago(500), endedAt: ago(470) });
    await resumeRun(ctx, id);
    await begin(id);
    await stopOverspent(connection.db, fence);
    expect((await rowOf(id)).stopRequestedAt).toBeNull();
    expect((await detail(ctx, number)).hoursRun).toBeCloseTo(0.5, 2);
    await connection.db
      .update(attempt)
      .set({ startedAt: ago(31) })
      .where(eq(attempt.number, 2));
    await stopOverspent(connection.db, fence);
    const says = "Its budget of 1 h is used up: it ran 1.02 h.";
    expect(await rowOf(id)).toMatchObject({ stopReason: says, state: "running" });
    expect(await lastAudit()).toMatchObject({ action: "run.stop_requested", actor: "controller" });
    await see(id, "succeeded", 0);
    expect(await rowOf(id)).toMatchObject({ state: "stopped", cause: { kind: "stopped", message: says } });
    expect(finished).toMatchObject([{ state: "stopped" }]);
  });
});
