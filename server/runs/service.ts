/** Runs: anything executed on the cluster. Launching, stopping, and what screens ask. */
import type { z } from "zod";
import { record, takeTurn } from "../audit/service";
import { defaultClusterId, desireChanged } from "../engine/service";
import { may, type TeamContext, transact } from "../platform/context";
import type { Transaction } from "../platform/db";
import { Conflict, Forbidden, NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { type CheckpointRef, type Priority, type RunKind, RunResources, RunSpec } from "./contract";
import { addAttempt, emitRun, leave, stopPaused } from "./lifecycle";
import type { Run } from "./records";
import * as repo from "./repo";
import { isLaunched, isLiveRun } from "./states";

export { costsOfRuns, expectedPrice, refuseUnpriced } from "./cost";
export { expireAttempts } from "./deadlines";
export { growRunning } from "./elastic";
export { type Finisher, type Outcome, registerFinishers } from "./finishers";
export { desiredAttempts, observeJobs } from "./jobs";
export { moveFromDraining } from "./moves";
export { admitWaiting, fitNow, refuseOversized } from "./queue";
export { rankSql } from "./queue-order";
export { getRun, listRuns, runByNumber } from "./reads";
export type { Attempt, Run } from "./records";
export { lockTeamRun } from "./repo";
export { rankTimes, watchedMetrics } from "./watched";

export interface NewRun {
  kind: RunKind;
  /** What people read in lists: an imperative and its object. */
  title: string;
  spec: z.input<typeof RunSpec>;
  resources: z.input<typeof RunResources>;
  modelId?: string | null;
  versionId?: string | null;
  datasetId?: string | null;
  requestId?: string | null;
  /** What the kind's finisher needs to know besides the result. */
  intent?: Record<string, unknown>;
  maxAttempts?: number;
  /** The run that it repeats or goes on from, and what it then begins from. */
  origin?: { id: string; kind: "rerun" | "continuation" };
  startCheckpoint?: CheckpointRef | null;
  priority?: Priority;
  /** Hours that its attempts may run together. */
  maxHours?: number | null;
  /** Dollars that they may cost together. */
  maxCost?: number | null;
}

/**
 * Queues a run in the caller's transaction: the run, its first attempt, and the cluster told. Call it before writing
 * the audit entry: both take a lock of the team, in this order.
 */
export async function createRun(
  tx: Transaction,
  ctx: Pick<TeamContext, "teamId" | "actor">,
  input: NewRun,
): Promise<{ id: string; number: number }> {
  const spec = RunSpec.parse(input.spec);
  if (spec.kind !== input.kind) throw new Error(`a ${input.kind} run can't have a spec of ${spec.kind}`);
  const clusterId = await defaultClusterId(tx);
  const run = await repo.insertRun(tx, {
    id: newId("run"),
    teamId: ctx.teamId,
    kind: input.kind,
    title: input.title,
    spec,
    resources: RunResources.parse(input.resources),
    clusterId,
    modelId: input.modelId ?? null,
    versionId: input.versionId ?? null,
    datasetId: input.datasetId ?? null,
    requestId: input.requestId ?? null,
    intent: input.intent ?? {},
    ...(input.maxAttempts === undefined ? {} : { maxAttempts: input.maxAttempts }),
    originId: input.origin?.id ?? null,
    originKind: input.origin?.kind ?? null,
    startCheckpoint: input.startCheckpoint ?? null,
    priority: input.priority ?? "normal",
    maxHours: input.maxHours ?? null,
    maxCost: input.maxCost ?? null,
    createdBy: ctx.actor.kind === "person" ? ctx.actor.id : null,
  });
  const firstStep = run.startCheckpoint?.step ?? 0;
  await addAttempt(tx, run, { number: 1, firstStep, isAdmitted: !isLaunched(run) });
  await emitRun(tx, run);
  // The caller's entry comes after the cluster's row is locked, which everybody else locks last.
  await takeTurn(tx, ctx.teamId);
  await desireChanged(tx, clusterId);
  return { id: run.id, number: run.number };
}

/** Whose run it is decides what it takes: `run.stop_own` or `run.stop_any`. */
export const mayControl = (ctx: TeamContext, run: Pick<Run, "createdBy">): boolean =>
  may(ctx, "run.stop_any") || (run.createdBy === ctx.actor.id && may(ctx, "run.stop_own"));

/**
 * A run, locked, that this person may stop, pause and resume.
 *
 * @throws NotFound, Forbidden for someone else's run without `run.stop_any`
 */
export async function lockControlled(
  tx: Transaction,
  ctx: TeamContext,
  runId: string,
  act: string,
): Promise<Run> {
  const run = await repo.lockTeamRun(tx, ctx.teamId, runId);
  if (!run) throw new NotFound("There is no such run in this team.");
  if (!mayControl(ctx, run)) {
    throw new Forbidden(`Run ${run.number} is not yours to ${act}.`, {
      code: "missing_permission",
      remedy: "Ask whoever launched it, or an operator.",
    });
  }
  return run;
}

/**
 * A person asks a run to stop.
 *
 * @throws Forbidden for someone else's run without `run.stop_any`, Conflict when it is over
 */
export async function requestStop(ctx: TeamContext, runId: string): Promise<void> {
  await transact(ctx, async (tx) => {
    const run = await lockControlled(tx, ctx, runId, "stop");
    if (!isLiveRun(run.state)) throw new Conflict(`Run ${run.number} is over: it ${ended(run.state)}.`);
    await askToStop(tx, ctx, run);
  });
}

/**
 * Asks a locked run to stop, for whoever may. One that nothing is placed for ends at once; otherwise its job is no
 * longer desired, and the run ends when the cluster says that the job is gone. Asking again, or a run that is over,
 * changes nothing. Call it last in a transaction: it takes the team's audit lock and then the cluster's row.
 */
export async function askToStop(
  tx: Transaction,
  ctx: Pick<TeamContext, "teamId" | "actor" | "requestId">,
  run: Run,
  reason: string | null = null,
): Promise<void> {
  if (!(await repo.markStopRequested(tx, run.id, reason))) return;
  const asked = { ...run, stopRequestedAt: new Date(), stopReason: reason };
  const attempt = await repo.newestAttempt(tx, run.id);
  if (run.state === "paused") await stopPaused(tx, asked);
  else if (attempt?.state === "placing") await leave(tx, asked, attempt);
  else await emitRun(tx, run);
  await record(tx, ctx, {
    action: "run.stop_requested",
    target: { kind: "run", id: run.id },
    summary: `Asked run ${run.number} (${run.title}) to stop${reason ? `: ${reason}` : ""}`,
  });
  await desireChanged(tx, run.clusterId);
}

const ended = (state: string): string => (state === "stopped" ? "was stopped" : state);
