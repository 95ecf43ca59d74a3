/** What the pages of runs show: lists, one run whole, its charts and its logs. */
import type { z } from "zod";
import type { TeamContext } from "../platform/context";
import { NotFound } from "../platform/errors";
import { hoursRun } from "./budget";
import { whyKept } from "./checkpoints";
import { configurationOf } from "./configuration";
import { CheckpointReport } from "./contract";
import { costsOf, total } from "./cost";
import { coursesOf } from "./courses";
import { cellsOf, slowRank } from "./heat";
import { countLines, lineAt, readLines, searchLines } from "./logs";
import { listSeries, readMetric, readUse } from "./metrics";
import { provenanceOf } from "./provenance";
import { placesInQueue, queueOf } from "./queue";
import * as reads from "./reads";
import type { Attempt, Run } from "./records";
import type { HeatQuery, ListRuns, LogAt, LogOf, LogSearch, LogsQuery } from "./screens";
import { MetricsQuery } from "./screens";
import { mayControl } from "./service";
import { isLaunched, isLiveRun } from "./states";

/** Newest first; those that wait in the queue with their place in it. */
export async function list(ctx: TeamContext, input: z.infer<typeof ListRuns>) {
  const found = await reads.listRuns(ctx.db, { teamId: ctx.teamId, personId: ctx.actor.id }, input);
  const queued = found.runs.filter(({ state }) => state === "queued");
  const places = await placesInQueue(
    ctx.db,
    queued.map(({ clusterId }) => clusterId),
  );
  return { ...found, runs: found.runs.map((run) => ({ ...run, place: places.get(run.id) ?? null })) };
}

export const launchers = (ctx: TeamContext) => reads.launchersOf(ctx.db, ctx.teamId);

export const courses = (ctx: TeamContext, numbers: readonly number[]) =>
  coursesOf(ctx.db, ctx.teamId, numbers);

/** Everything about one run but its charts and logs. */
export async function detail(ctx: TeamContext, number: number) {
  const run = await reads.runByNumber(ctx.db, ctx.teamId, number);
  const [attempts, costs, checkpoints, subjects] = await Promise.all([
    reads.attemptsOf(ctx.db, run.id),
    costsOf(ctx.db, ctx.teamId, [number]),
    reads.checkpointsOf(ctx.db, run.id),
    reads.subjectsOf(ctx.db, ctx.teamId, run),
  ]);
  const newest = attempts.at(-1);
  const [nodes, queue, origin] = await Promise.all([
    reads.nodeNames(
      ctx.db,
      attempts.flatMap((a) => a.workers.map((w) => w.nodeId)),
    ),
    queueOf(ctx.db, run, newest),
    reads.originOf(ctx.db, run),
  ]);
  return {
    ...run,
    ...subjects,
    attempts: attempts.map((a) => ({
      ...a,
      cost: costs.get(a.id) ?? null,
      resumedStep: a.number > 1 ? a.firstStep : a.firstStep || null,
      workers: a.workers.map((w) => ({ ...w, nodeName: nodes.get(w.nodeId) ?? w.nodeId.slice(0, 8) })),
    })),
    checkpoints: withReasons(run, checkpoints),
    checkpointEvery: run.spec.kind === "train" ? run.spec.hyper.checkpointEverySteps : null,
    waiting: waitingOf(run, newest),
    queue,
    origin,
    hoursRun: hoursRun(attempts, new Date()),
    cost: total([...costs.values()]),
    configuration: configurationOf(run.spec, run.resources),
    provenance: provenanceOf(run),
    mayStop: isLiveRun(run.state) && mayControl(ctx, run),
    /** What its state and kind allow, whoever asks. */
    can: {
      pause: run.kind === "train" && (run.state === "queued" || run.state === "running"),
      resume: run.state === "paused",
      rerun: isLaunched(run),
      continue:
        run.kind === "train" &&
        (run.state === "stopped" || run.state === "failed") &&
        (checkpoints.length > 0 || run.startCheckpoint !== null),
      prioritise: queue !== null || run.state === "paused",
    },
  };
}

/** Each with why it is kept; of a kind without a policy all are. */
function withReasons(run: Run, checkpoints: Awaited<ReturnType<typeof reads.checkpointsOf>>) {
  const stored = checkpoints.map((one) => ({
    ...one,
    metrics: CheckpointReport.shape.metrics.parse(one.metrics),
  }));
  const why = run.spec.kind === "train" ? whyKept(stored, run.spec.hyper) : null;
  return stored.map((one) => ({ ...one, kept: why?.get(one.id)?.join("; ") ?? "" }));
}

/** What a run that does not move waits for, in words; null once it moves. */
function waitingOf(run: Run, attempt: Attempt | undefined): string | null {
  if (attempt?.state === "placing") {
    if (run.progress?.phase === "placing") return run.progress.message;
    return attempt.observed ? "Its job is starting on the cluster." : "The cluster has not taken it yet.";
  }
  return attempt?.state === "starting" ? "Its workers are placed and load what they need." : null;
}

export async function series(ctx: TeamContext, number: number) {
  const run = await reads.runByNumber(ctx.db, ctx.teamId, number);
  return listSeries(ctx.db, run.id);
}

export async function metrics(ctx: TeamContext, query: z.infer<typeof MetricsQuery>) {
  const run = await reads.runByNumber(ctx.db, ctx.teamId, query.run);
  return readMetric(ctx.db, run, await reads.attemptsOf(ctx.db, run.id), query);
}

/** What the newest attempt's workers use of their nodes. */
export async function use(ctx: TeamContext, number: number) {
  const run = await reads.runByNumber(ctx.db, ctx.teamId, number);
  const attempt = (await reads.attemptsOf(ctx.db, run.id)).at(-1);
  return attempt ? readUse(ctx.db, attempt.id) : [];
}

/** A metric rank by rank, and the rank that holds the others up. */
export async function heat(ctx: TeamContext, query: z.infer<typeof HeatQuery>) {
  const run = await reads.runByNumber(ctx.db, ctx.teamId, query.run);
  const attempts = await reads.attemptsOf(ctx.db, run.id);
  const { name, cells } = query;
  const found = await readMetric(
    ctx.db,
    run,
    attempts,
    MetricsQuery.parse({ run: run.number, name, width: cells, byRank: true }),
  );
  const workers = attempts.at(-1)?.workers ?? [];
  const nodes = await reads.nodeNames(
    ctx.db,
    workers.map((w) => w.nodeId),
  );
  const ranks = cellsOf(found.series, found.from, found.to, cells).map((row) => {
    const nodeId = workers.find((w) => w.rank === row.rank)?.nodeId ?? "";
    return { ...row, node: nodes.get(nodeId) ?? nodeId.slice(0, 8) };
  });
  return {
    from: found.from,
    to: found.to,
    ranks,
    slow: name === "train/compute_time" ? slowRank(found.series) : null,
  };
}

/** @throws NotFound when the run has no such attempt */
async function logOf(ctx: TeamContext, query: z.infer<typeof LogOf>) {
  const run = await reads.runByNumber(ctx.db, ctx.teamId, query.run);
  const attempts = await reads.attemptsOf(ctx.db, run.id);
  const attempt = query.attempt ? attempts.find((a) => a.number === query.attempt) : attempts.at(-1);
  if (!attempt) throw new NotFound(`Run ${run.number} has no attempt ${query.attempt}.`);
  return { attemptId: attempt.id, rank: query.rank };
}

export async function logs(ctx: TeamContext, query: z.infer<typeof LogsQuery>) {
  const of = await logOf(ctx, query);
  const total = await countLines(ctx.db, of);
  const from = query.from ?? Math.max(0, total - query.limit);
  return { total, from, lines: await readLines(ctx.db, of, from, from + query.limit) };
}

export const searchLogs = async (ctx: TeamContext, query: z.infer<typeof LogSearch>) =>
  searchLines(ctx.db, await logOf(ctx, query), query);

export async function logAt(ctx: TeamContext, query: z.infer<typeof LogAt>) {
  const of = await logOf(ctx, query);
  return { index: await lineAt(ctx.db, of, query.ts), total: await countLines(ctx.db, of) };
}
