/**
 * The console is the queue: the cluster is asked for a training or a script only once there is room for all of its
 * workers, or for as few as an elastic run may have. The highest priority goes first, then the oldest, strictly in
 * order: nobody passes a run that waits for more room, and priority rises with waiting (`queue-contract.ts`). Runs of a team
 * whose budget is spent are held: they stay, and nobody waits for them. Inspections, evaluations and commits are small
 * and never wait here.
 */
import { and, asc, desc, eq, inArray, isNotNull, isNull, ne, sql } from "drizzle-orm";
import type { z } from "zod";
import { attempt, run } from "../../db/schema/runs";
import { teamsHeld } from "../cost/service";
import { capacityOf, clusterIds, defaultClusterId, desireChanged } from "../engine/service";
import { transact } from "../platform/context";
import type { Database, Db, Transaction } from "../platform/db";
import { Invalid } from "../platform/errors";
import { type Fit, RunResources } from "./contract";
import { emitRun } from "./lifecycle";
import { rankSql } from "./queue-order";
import { type Attempt, type Run, toRun } from "./records";
import * as repo from "./repo";
import { admissible, fitOf, holds, type Occupant, sized, startsIn } from "./room";
import { isLeaving, LIVE_ATTEMPT_STATES } from "./states";

/** Lets in whoever there is room for. `fence` is the caller's lease. */
export async function admitWaiting(db: Database, fence: (tx: Transaction) => Promise<void>): Promise<void> {
  for (const clusterId of await clusterIds(db)) {
    const waiting = await waitingRuns(db, clusterId);
    if (waiting.length === 0) continue;
    for (const { run, workers } of admissible(await roomOf(db, clusterId), waiting))
      await admit(db, fence, run.id, workers);
  }
}

const admit = (db: Database, fence: (tx: Transaction) => Promise<void>, runId: string, workerCount: number) =>
  transact({ db }, async (tx) => {
    await fence(tx);
    const current = await repo.lockRun(tx, runId);
    const newest = await repo.newestAttempt(tx, runId);
    if (!current || isLeaving(current) || newest?.state !== "placing" || newest.admittedAt) return;
    if ((await teamsHeld(tx, [current.teamId])).size > 0) return;
    await repo.patchAttempt(tx, newest.id, { admittedAt: sql`now()`, workerCount });
    await emitRun(tx, current);
    await desireChanged(tx, current.clusterId);
  });

/** Runs that the cluster is not asked for yet, of all teams that may begin something, the first to go first. */
export async function waitingRuns(db: Db, clusterId: string): Promise<Run[]> {
  const runs = await notAdmitted(db, clusterId);
  const held = await teamsHeld(
    db,
    runs.map(({ teamId }) => teamId),
  );
  return runs.filter(({ teamId }) => !held.has(teamId));
}

async function notAdmitted(db: Db, clusterId: string): Promise<Run[]> {
  const rows = await db
    .select({ run })
    .from(attempt)
    .innerJoin(run, eq(run.id, attempt.runId))
    .where(
      and(
        eq(run.clusterId, clusterId),
        eq(attempt.state, "placing"),
        isNull(attempt.admittedAt),
        isNull(run.stopRequestedAt),
        isNull(run.pauseRequestedAt),
      ),
    )
    .orderBy(rankSql(run.priority, attempt.stateSince), asc(run.createdAt), asc(run.id));
  return rows.map((row) => toRun(row.run));
}

/** Nodes that are up or may be started, and what is on them: admitted attempts, sessions and replicas. */
export async function roomOf(db: Db, clusterId: string, except?: { runId: string }) {
  const { up, toStart, services } = await capacityOf(db, clusterId);
  const rows = await db
    .select({
      resources: run.resources,
      // One that leaves to grow has its room already.
      workers: sql<number>`case when ${run.growRequestedAt} is null then ${attempt.workerCount} else ${run.growTo} end`,
      left: sql<number | null>`(${run.progress} ->> 'etaSeconds')::float8`,
    })
    .from(attempt)
    .innerJoin(run, eq(run.id, attempt.runId))
    .where(
      and(
        eq(run.clusterId, clusterId),
        inArray(attempt.state, [...LIVE_ATTEMPT_STATES]),
        isNotNull(attempt.admittedAt),
        except && ne(run.id, except.runId),
      ),
    );
  const occupants: Occupant[] = [
    ...rows.map(({ resources, workers, left }) => ({
      workers: sized(workers, RunResources.parse(resources)),
      endsIn: left,
    })),
    ...services.map(({ cpus }) => ({ workers: [{ cpus, gpus: 0 }], endsIn: Number.POSITIVE_INFINITY })),
  ];
  return { up, toStart, occupants, taken: occupants.flatMap(({ workers }) => workers) };
}

/** Whether and when a run that asks for this would find room on the cluster that it would go to. */
export const fitNow = async (db: Db, asked: z.input<typeof RunResources>): Promise<Fit> =>
  fitOf(RunResources.parse(asked), await roomOf(db, await defaultClusterId(db)));

/** @throws Invalid, naming the field, for workers that the cluster with all its pools can never hold */
export async function refuseOversized(db: Db, asked: z.input<typeof RunResources>): Promise<void> {
  const fit = await fitNow(db, asked);
  if (fit.state !== "never") return;
  throw new Invalid(fit.says, {
    code: "never_fits",
    field: "workers",
    remedy: "The Cluster page shows what its pools may start.",
  });
}

/** A run's place in the queue, from 1, and when it may start; null once it is let in. What it waits for is `cluster.waiting`. */
export async function queueOf(db: Db, of: Run, newest: Attempt | undefined) {
  if (newest?.state !== "placing" || newest.admittedAt || isLeaving(of)) return null;
  const waiting = await waitingRuns(db, of.clusterId);
  const index = waiting.findIndex(({ id }) => id === of.id);
  if (index < 0) return null;
  const { up, toStart, occupants } = await roomOf(db, of.clusterId);
  const nodes = [...up, ...toStart];
  const place = { position: index + 1, of: waiting.length };
  if (holds(nodes, of.resources) === 0) return { ...place, startsInSeconds: null };
  const before = waiting.slice(0, index + 1);
  const takes = await Promise.all(before.map((one) => (one.id === of.id ? null : usualSeconds(db, one))));
  const startsInSeconds = startsIn(
    nodes,
    occupants,
    before.map(({ resources }, i) => ({ resources, takes: takes[i] ?? null })),
  );
  return { ...place, startsInSeconds };
}

/** Places in the queues of these clusters, from 1, by the ids of the runs. */
export async function placesInQueue(db: Db, clusters: readonly string[]): Promise<Map<string, number>> {
  const queues = await Promise.all([...new Set(clusters)].map((id) => waitingRuns(db, id)));
  return new Map(queues.flatMap((runs) => runs.map(({ id }, index) => [id, index + 1] as const)));
}

/** Runs that a usual duration is taken from: the newest. */
const RECENT = 10;

/**
 * Seconds that runs like it took in its team, the middle one; null where there was none. Alike are trainings of one
 * dataset, epochs and batch, and scripts of one archive and entry point, on as many workers.
 */
async function usualSeconds(db: Db, of: Run): Promise<number | null> {
  const { spec } = of;
  const alike =
    spec.kind === "train"
      ? sql`${run.datasetId} is not distinct from ${of.datasetId}::text and (${run.spec} -> 'hyper' ->> 'epochs')::float8 = ${spec.hyper.epochs}
            and (${run.spec} -> 'hyper' ->> 'globalBatch')::int = ${spec.hyper.globalBatch}`
      : spec.kind === "script"
        ? sql`${run.spec} ->> 'code' = ${spec.code} and ${run.spec} ->> 'entry' = ${spec.entry}`
        : sql`false`;
  const newest = db
    .select({
      seconds: sql<number>`extract(epoch from ${run.endedAt} - ${run.startedAt})::float8`.as("seconds"),
    })
    .from(run)
    .where(
      and(
        eq(run.teamId, of.teamId),
        eq(run.kind, of.kind),
        eq(run.state, "succeeded"),
        sql`(${run.resources} ->> 'workers')::int = ${of.resources.workers}`,
        alike,
      ),
    )
    .orderBy(desc(run.createdAt))
    .limit(RECENT)
    .as("newest");
  const [row] = await db
    .select({
      middle: sql<number | null>`percentile_disc(0.5) within group (order by ${newest.seconds})`,
    })
    .from(newest);
  return row?.middle ?? null;
}
