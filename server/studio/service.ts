/** The studio: warm sessions, measurements that stream in, and the commit that makes a version of a setting. */
import type { z } from "zod";
import { record } from "../audit/service";
import { refuseOverBudget } from "../cost/service";
import { datasetRef } from "../datasets/service";
import { defaultClusterId, desireChanged } from "../engine/service";
import { madeByRun, refuseMisfit, versionForWork } from "../models/service";
import { type TeamContext, transact } from "../platform/context";
import type { Transaction } from "../platform/db";
import { Conflict, Invalid, NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { CompressSpec } from "../runs/contract";
import { createRun } from "../runs/service";
import * as actor from "./actor";
import { type Commit, changesSomething, effective, inWords, joins, Recipe, Settings } from "./contract";
import { resolved, resolveMerge } from "./merge";
import * as repo from "./repo";
import {
  type EvaluateSettings,
  KEEP_FROM_N,
  Measured,
  type Measurement,
  type OneSample,
  type OpenSession,
  type Solve,
  type StudioPartial,
} from "./session-contract";

const ONE_CPU = { workers: 1, cpus: 1, gpus: 0 };

/** The live session of a version and a dataset; opens one where there is none. @throws NotFound, Conflict */
export async function openSession(ctx: TeamContext, input: z.infer<typeof OpenSession>) {
  return transact(ctx, async (tx) => {
    const work = await versionForWork(tx, ctx.teamId, input.versionId);
    refuseMisfit(work, await datasetRef(tx, ctx.teamId, input.datasetId));
    const live = await repo.findLive(tx, ctx.teamId, input.versionId, input.datasetId);
    if (live) {
      await repo.touch(tx, live.id);
      return { sessionId: live.id };
    }
    await refuseOverBudget(tx, ctx.teamId);
    const sessionId = newId("ses");
    const clusterId = await defaultClusterId(tx);
    await repo.insertSession(tx, {
      id: sessionId,
      teamId: ctx.teamId,
      ...input,
      clusterId,
      message: "waiting for the cluster to take it",
      createdBy: ctx.actor.id,
    });
    await emit(tx, { teamId: ctx.teamId, topic: "studio", key: sessionId });
    await desireChanged(tx, clusterId);
    return { sessionId };
  });
}

async function mustFind(ctx: TeamContext, sessionId: string): Promise<repo.SessionRow> {
  const session = await repo.findSession(ctx.db, ctx.teamId, sessionId);
  if (!session) throw new NotFound("There is no such studio session in this team.");
  return session;
}

/** How a session stands, and the newest revision that was measured in it. */
export async function session(ctx: TeamContext, sessionId: string) {
  const { id, state, message, nodeId, createdAt, lastUsedAt } = await mustFind(ctx, sessionId);
  return {
    id,
    state,
    message,
    nodeId,
    createdAt,
    lastUsedAt,
    lastRev: await repo.lastRev(ctx.db, sessionId),
  };
}

async function readySession(ctx: TeamContext, sessionId: string) {
  const found = await mustFind(ctx, sessionId);
  if (found.state !== "ready" || !found.address) {
    throw new Conflict(`This session is ${found.state}: ${found.message || "no reason was given"}.`, {
      code: found.state === "opening" ? "session_opening" : "session_closed",
      remedy: found.state === "opening" ? "It answers as soon as it is ready." : "Open it again.",
    });
  }
  return { ...found, address: found.address };
}

/** The version itself, as the session that holds it measured it so far. */
export async function baseline(ctx: TeamContext, sessionId: string) {
  const { id, address } = await readySession(ctx, sessionId);
  return actor.baseline({ id, address });
}

/** A sample as a picture (PNG, base64), or null where the samples are no pictures. */
export async function sample(ctx: TeamContext, input: z.infer<typeof OneSample>) {
  const { id, address } = await readySession(ctx, input.sessionId);
  return { png: await actor.sample({ id, address }, input.id) };
}

/**
 * Measures settings: yields what the session says, line by line, until it is done or the asker goes away, and keeps
 * what was measured. A higher `rev` ends a lower one in the session itself.
 */
export async function* evaluate(
  ctx: TeamContext,
  input: z.infer<typeof EvaluateSettings>,
  signal: AbortSignal,
): AsyncGenerator<StudioPartial> {
  const found = await readySession(ctx, input.sessionId);
  const settings = await resolved(ctx.db, ctx.teamId, found.versionId, input.settings);
  yield* keeping(ctx, found, input, actor.evaluate(found, { ...input, settings }, signal));
}

/**
 * Searches for settings that meet a target, and measures what it settles on: yields each step, then what `evaluate`
 * yields, and keeps what was measured.
 */
export async function* solve(
  ctx: TeamContext,
  input: z.infer<typeof Solve>,
  signal: AbortSignal,
): AsyncGenerator<StudioPartial> {
  const found = await readySession(ctx, input.sessionId);
  const settings = await resolved(ctx.db, ctx.teamId, found.versionId, input.settings);
  yield* keeping(ctx, found, input, actor.solve(found, { ...input, settings }, signal));
}

/** What a session says of one revision, with what it measured kept when it ends or the asker goes away. */
async function* keeping(
  ctx: TeamContext,
  found: repo.SessionRow,
  asked: z.infer<typeof EvaluateSettings>,
  said: AsyncIterable<StudioPartial>,
): AsyncGenerator<StudioPartial> {
  await repo.touch(ctx.db, found.id);
  const lines: Partial<Measured> = {};
  let input = asked;
  let isDone = false;
  try {
    for await (const line of said) {
      if (line.rev !== input.rev) continue;
      if (line.type === "settled") input = { ...input, settings: line.settings };
      else if (line.type === "built") lines.built = line;
      else if (line.type === "accuracy") lines.accuracy = line;
      else if (line.type === "latency") lines.latency = line;
      else if (line.type === "sizes") lines.sizes = line;
      else if (line.type === "changed") lines.changed = line;
      isDone ||= line.type === "done";
      // Kept before it is told: who sees "done" finds it in the history.
      if (isDone) await keep(ctx, found, input, lines);
      yield line;
      // A search that trains takes longer than a session may idle.
      await repo.touch(ctx.db, found.id);
    }
  } finally {
    if (!isDone && (lines.accuracy?.n ?? 0) >= KEEP_FROM_N) await keep(ctx, found, input, lines);
  }
}

async function keep(
  ctx: TeamContext,
  found: repo.SessionRow,
  { rev, settings }: z.infer<typeof EvaluateSettings>,
  lines: Partial<Measured>,
): Promise<void> {
  const measured = Measured.parse(lines);
  await transact(ctx, async (tx) => {
    await repo.keepMeasurement(tx, {
      id: newId("mea"),
      teamId: ctx.teamId,
      versionId: found.versionId,
      datasetId: found.datasetId,
      sessionId: found.id,
      rev,
      settings: effective(settings),
      measured,
      n: measured.accuracy.n,
      createdBy: ctx.actor.id,
    });
    await emit(tx, { teamId: ctx.teamId, topic: "studio", key: found.id });
  });
}

/** Every setting of a version that was measured on a dataset, newest first. */
export async function history(ctx: TeamContext, input: z.infer<typeof OpenSession>): Promise<Measurement[]> {
  const rows = await repo.listMeasurements(ctx.db, ctx.teamId, input.versionId, input.datasetId);
  return rows.map(({ id, settings, measured, n, createdAt }) => ({
    id,
    settings: Settings.parse(settings),
    measured: Measured.parse(measured),
    n,
    createdAt,
  }));
}

/** Starts the run that makes an immutable child version of a setting. @throws NotFound, Conflict, Invalid */
export async function commit(ctx: TeamContext, input: z.infer<typeof Commit>) {
  const settings = effective(input.settings);
  if (!changesSomething(settings)) {
    throw new Invalid("These dials change nothing.", {
      code: "no_change",
      remedy: "Turn one of them first.",
    });
  }
  return transact(ctx, async (tx) => {
    await refuseOverBudget(tx, ctx.teamId);
    const work = await versionForWork(tx, ctx.teamId, input.versionId);
    const dataset = await datasetRef(tx, ctx.teamId, input.datasetId);
    refuseMisfit(work, dataset);
    const merge = joins(settings.merge) ? settings.merge : null;
    const merged = merge && (await resolveMerge(tx, ctx.teamId, input.versionId, merge));
    const recipe = Recipe.parse({
      ...settings,
      merge: merge && { ...merge, parents: merged?.parents ?? null },
      layers: await ratios(tx, ctx, { ...input, settings }),
    });
    const run = await createRun(tx, ctx, {
      kind: "compress",
      title: `Commit ${work.model.name} v${work.version.number}: ${inWords(settings)}`,
      spec: CompressSpec.parse({
        kind: "compress",
        parent: work.digest,
        parentFloat: work.floatDigest,
        recipe,
        dataset,
      }),
      resources: ONE_CPU,
      modelId: work.version.modelId,
      versionId: input.versionId,
      datasetId: input.datasetId,
      intent: { note: input.note, mergedWithId: merged?.partnerId ?? null },
    });
    await record(tx, ctx, {
      action: "version.committed",
      target: { kind: "version", id: input.versionId },
      summary: `Committed ${work.model.name} v${work.version.number} with ${inWords(settings)} as run ${run.number}`,
      after: { recipe, dataset: input.datasetId, parent: work.digest },
    });
    await emit(tx, { teamId: ctx.teamId, topic: "studio", key: run.id });
    return run;
  });
}

/**
 * The ratio of every layer as it was measured, so that a commit needs no scan; where weights go by magnitude, the locks
 * say all. @throws Conflict
 */
async function ratios(
  tx: Transaction,
  ctx: TeamContext,
  { versionId, datasetId, settings }: z.infer<typeof Commit>,
): Promise<Recipe["layers"]> {
  if (settings.allocation === "magnitude") return settings.layers;
  const found = await repo.findMeasurement(tx, ctx.teamId, versionId, datasetId, settings);
  const built = found && Measured.parse(found.measured).built;
  if (!built) {
    throw new Conflict(`The shares by ${settings.allocation} of these settings are not known yet.`, {
      code: "not_measured",
      remedy: "Commit them once they are measured.",
    });
  }
  return Object.fromEntries(built.layers.map(({ name, sparsity }) => [name, sparsity]));
}

/** How a commit goes on, and the version it made. */
export const commitProgress = (ctx: TeamContext, runId: string) => madeByRun(ctx.db, ctx.teamId, runId);

export { mergePartners } from "./merge";
