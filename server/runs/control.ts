/** What a person does with a run besides stopping it: pause, resume, run again, go on from a checkpoint. */
import { record } from "../audit/service";
import { refuseOverBudget } from "../cost/service";
import { desireChanged } from "../engine/service";
import { type TeamContext, transact } from "../platform/context";
import type { Transaction } from "../platform/db";
import { Conflict, NotFound } from "../platform/errors";
import type { CheckpointRef, Priority } from "./contract";
import { refuseUnpriced } from "./cost";
import { emitRun, leave, resume } from "./lifecycle";
import { refuseOversized } from "./queue";
import type { Run } from "./records";
import * as repo from "./repo";
import { createRun, lockControlled } from "./service";
import { isLaunched } from "./states";

/**
 * Asks a training run to pause: its workers write a checkpoint and leave. One that nothing is placed for is paused at
 * once; otherwise it is when the cluster says that the job is gone.
 *
 * @throws Conflict for another kind, and for a run that neither waits nor runs
 */
export async function requestPause(ctx: TeamContext, runId: string): Promise<void> {
  await transact(ctx, async (tx) => {
    const run = await lockControlled(tx, ctx, runId, "pause");
    if (run.kind !== "train") {
      throw new Conflict("Only training runs pause: nothing else leaves a checkpoint to go on from.", {
        remedy: "Stop it instead.",
      });
    }
    if (run.state !== "queued" && run.state !== "running") {
      throw new Conflict(`Run ${run.number} can't pause: it is ${run.state}.`);
    }
    if (run.stopRequestedAt) throw new Conflict(`Run ${run.number} is stopping already.`);
    if (run.pauseRequestedAt) return;
    const asked = { ...run, pauseRequestedAt: new Date() };
    await repo.patchRun(tx, run.id, { pauseRequestedAt: asked.pauseRequestedAt });
    const attempt = await repo.newestAttempt(tx, run.id);
    if (attempt?.state === "placing") await leave(tx, asked, attempt);
    else await emitRun(tx, asked);
    await note(tx, ctx, run, "run.pause_requested", `Asked run ${run.number} (${run.title}) to pause`);
    await desireChanged(tx, run.clusterId);
  });
}

/** @throws Conflict unless the run is paused, and where the team's budget is spent */
export async function resumeRun(ctx: TeamContext, runId: string): Promise<void> {
  await transact(ctx, async (tx) => {
    const run = await lockControlled(tx, ctx, runId, "resume");
    if (run.state !== "paused") {
      const says = run.pauseRequestedAt && run.state === "running" ? "still pausing" : run.state;
      throw new Conflict(`Run ${run.number} can't resume: it is ${says}.`);
    }
    await refuseOverBudget(tx, ctx.teamId);
    const last = await repo.newestAttempt(tx, run.id);
    if (!last) throw new Error(`run ${run.id} has no attempt`);
    await resume(tx, run, last);
    await note(tx, ctx, run, "run.resumed", `Resumed run ${run.number} (${run.title})`);
    await desireChanged(tx, run.clusterId);
  });
}

/**
 * Runs the same again: spec, resources, seed and what it began from.
 *
 * @throws Conflict for kinds that nobody launches by hand
 */
export async function rerun(ctx: TeamContext, runId: string) {
  return transact(ctx, async (tx) => {
    const run = await launched(tx, ctx, runId);
    const created = await again(tx, ctx, run, "rerun", run.startCheckpoint);
    await record(tx, ctx, {
      action: "run.launched",
      target: { kind: "run", id: created.id },
      summary: `Launched run ${created.number}, a rerun of run ${run.number}: ${run.title}`,
      after: { rerunOf: run.id, resources: run.resources },
    });
    return created;
  });
}

/**
 * A stopped or failed training goes on as a new run that begins from its newest checkpoint, or from the one named. The
 * old one stays as it ended: what its end meant to others was said already.
 *
 * @throws Conflict where there is nothing to go on from
 */
export async function continueRun(ctx: TeamContext, runId: string, checkpointId?: string) {
  return transact(ctx, async (tx) => {
    const run = await launched(tx, ctx, runId);
    if (run.kind !== "train" || (run.state !== "stopped" && run.state !== "failed")) {
      throw new Conflict(
        `Run ${run.number} can't be continued: it is a ${run.kind} run that is ${run.state}.`,
        {
          remedy: "Trainings that were stopped or failed go on from their checkpoint.",
        },
      );
    }
    const from = checkpointId
      ? await checkpointOf(tx, run, checkpointId)
      : await repo.newestCheckpoint(tx, run);
    if (!from) {
      throw new Conflict(`Run ${run.number} left no checkpoint.`, { remedy: "Rerun it from the beginning." });
    }
    const created = await again(tx, ctx, run, "continuation", from);
    await record(tx, ctx, {
      action: "run.launched",
      target: { kind: "run", id: created.id },
      summary: `Launched run ${created.number}, which goes on from step ${from.step} of run ${run.number}: ${run.title}`,
      after: { continues: run.id, checkpoint: from.sha256, step: from.step },
    });
    return created;
  });
}

/**
 * A checkpoint becomes a version: a new run takes it up, trains no further, and measures and writes it as the end of a
 * training does. The run that stored it may still be under way.
 *
 * @throws NotFound for a checkpoint that is not kept any more
 */
export async function versionOfCheckpoint(ctx: TeamContext, runId: string, checkpointId: string) {
  return transact(ctx, async (tx) => {
    const run = await launched(tx, ctx, runId);
    const from = await checkpointOf(tx, run, checkpointId);
    if (run.spec.kind !== "train") throw new Conflict("Only checkpoints of trainings become versions.");
    const hyper = { ...run.spec.hyper, stopAtStep: from.step };
    const taken = {
      ...run,
      title: `${run.title}, step ${from.step}`,
      spec: { ...run.spec, hyper },
      // Nothing is trained: one worker measures and writes.
      resources: { ...run.resources, workers: 1, minWorkers: 1 },
    };
    const created = await again(tx, ctx, taken, "continuation", from);
    await record(tx, ctx, {
      action: "run.launched",
      target: { kind: "run", id: created.id },
      summary: `Launched run ${created.number}, which makes a version of step ${from.step} of run ${run.number}: ${run.title}`,
      after: { continues: run.id, checkpoint: from.sha256, step: from.step },
    });
    return created;
  });
}

async function checkpointOf(tx: Transaction, run: Run, checkpointId: string): Promise<CheckpointRef> {
  const found = await repo.findCheckpoint(tx, run.id, checkpointId);
  if (found) return found;
  throw new NotFound(`Run ${run.number} keeps no such checkpoint any more.`, {
    remedy: "Its page lists those that are kept.",
  });
}

/** A run of this team that a person may launch again. @throws NotFound, Conflict */
async function launched(tx: Transaction, ctx: TeamContext, runId: string): Promise<Run> {
  const run = await repo.lockTeamRun(tx, ctx.teamId, runId);
  if (!run) throw new NotFound("There is no such run in this team.");
  if (!isLaunched(run)) {
    throw new Conflict(`Run ${run.number} belongs to what asked for it; ask for that again.`);
  }
  return run;
}

const again = async (
  tx: Transaction,
  ctx: TeamContext,
  run: Run,
  kind: "rerun" | "continuation",
  startCheckpoint: CheckpointRef | null,
) => {
  await refuseOverBudget(tx, ctx.teamId);
  await refuseOversized(tx, run.resources);
  await refuseUnpriced(tx, run.maxCost);
  return createRun(tx, ctx, {
    kind: run.kind,
    title: run.title,
    spec: run.spec,
    resources: run.resources,
    modelId: run.modelId,
    versionId: run.versionId,
    datasetId: run.datasetId,
    intent: run.intent,
    maxAttempts: run.maxAttempts,
    origin: { id: run.id, kind },
    startCheckpoint,
    priority: run.priority,
    maxHours: run.maxHours,
    maxCost: run.maxCost,
  });
};

/** Who goes first is settled until the cluster is asked for the run. @throws Conflict once it is */
export async function setPriority(ctx: TeamContext, runId: string, priority: Priority): Promise<void> {
  await transact(ctx, async (tx) => {
    const run = await lockControlled(tx, ctx, runId, "move in the queue");
    const attempt = await repo.newestAttempt(tx, run.id);
    const waits = run.state === "paused" || (run.state === "queued" && attempt?.admittedAt === null);
    if (!isLaunched(run) || !waits) {
      throw new Conflict(`Run ${run.number} does not wait in the queue: it is ${run.state}.`);
    }
    if (run.priority === priority) return;
    await repo.patchRun(tx, run.id, { priority });
    await emitRun(tx, run);
    await record(tx, ctx, {
      action: "run.priority_set",
      target: { kind: "run", id: run.id },
      summary: `Gave run ${run.number} (${run.title}) ${priority} priority`,
      before: { priority: run.priority },
      after: { priority },
    });
  });
}

const note = (tx: Transaction, ctx: TeamContext, run: Run, action: string, summary: string) =>
  record(tx, ctx, { action, target: { kind: "run", id: run.id }, summary });
