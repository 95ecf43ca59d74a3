/** What each release page shows, put together from the read models and the pure questions about a lane. */
import { and, asc, desc, eq, sql } from "drizzle-orm";
import { dataset } from "../../db/schema/datasets";
import { user } from "../../db/schema/identity";
import { evaluation, model, version } from "../../db/schema/models";
import { approval, promotionRequest, replica } from "../../db/schema/releases";
import { run } from "../../db/schema/runs";
import { DatasetReport, type DatasetTask } from "../datasets/contract";
import { EvaluationResult, Inspection, needsBaseline, Sizes } from "../models/contract";
import { datasetsFor, versionForWork } from "../models/service";
import { config } from "../platform/config";
import { may, type TeamContext } from "../platform/context";
import { NotFound } from "../platform/errors";
import { Cause, EvaluateResult, Progress } from "../runs/contract";
import { Gate } from "./contract";
import { forwardTarget, type Lane, type LaneRelease, readyReplicas, rollbackTarget, servingOf } from "./lane";
import { DEFAULT_POLICY } from "./policy";
import { findRequest, loadLane } from "./repo";
import { Strategy } from "./rollout-contract";
import { lastDrill } from "./rollout-repo";
import { whatChanged } from "./service";
import { laneRows, minuteRows, requestRows, type TimelineRow, timelineRows, trafficRows } from "./views";

const OVERVIEW_REQUESTS = 50;
const OVERVIEW_RELEASES = 30;
const TIMELINE = 100;

/** All lanes of the team, requests, and the last changes. */
export async function overview(ctx: TeamContext) {
  const [lanes, requests, releases] = await Promise.all([
    laneRows(ctx.db, ctx.teamId),
    requestRows(ctx.db, ctx.teamId, OVERVIEW_REQUESTS),
    timelineRows(ctx.db, ctx.teamId, { limit: OVERVIEW_RELEASES }),
  ]);
  return { lanes, requests, releases };
}

export const traffic = (ctx: TeamContext) => trafficRows(ctx.db, ctx.teamId);

export interface SwitchPreview {
  /** Null when there is nowhere to go. */
  target: {
    releaseId: string;
    revision: number;
    version: number;
    digest: string;
    servedUntil: Date | null;
  } | null;
  isWarm: boolean;
  /** Median of the last measured switches, ms; null before the first. */
  expectedMs: number | null;
  lastMs: number | null;
}

function preview(
  lane: Lane,
  target: LaneRelease | undefined,
  history: readonly TimelineRow[],
): SwitchPreview {
  const measured = history
    .flatMap((r) => (r.kind !== "promotion" && r.switchMs !== null ? [r.switchMs] : []))
    .slice(0, 5);
  const middle = measured.toSorted((a, b) => a - b)[Math.floor(measured.length / 2)];
  return {
    target: target
      ? {
          releaseId: target.id,
          revision: target.revision,
          version: target.version.number,
          digest: target.version.digest,
          servedUntil: target.replacedAt,
        }
      : null,
    isWarm: target !== undefined && readyReplicas(lane, target.version.id).length > 0,
    expectedMs: middle ?? null,
    lastMs: measured[0] ?? null,
  };
}

/** One model: what serves, replicas, the way back and forward, its history. */
export async function modelPage(ctx: TeamContext, input: { model: string }) {
  const [found] = await ctx.db
    .select({ id: model.id, name: model.name })
    .from(model)
    .where(and(eq(model.teamId, ctx.teamId), eq(model.name, input.model)));
  if (!found) throw new NotFound(`There is no model ${input.model} in this team.`);
  const [lane, releases, minutes, replicas, drill] = await Promise.all([
    loadLane(ctx.db, ctx.teamId, found.id),
    timelineRows(ctx.db, ctx.teamId, { modelId: found.id, limit: TIMELINE }),
    minuteRows(ctx.db, ctx.teamId, found.id),
    replicaRows(ctx, found.id),
    lastDrill(ctx.db, ctx.teamId, found.id),
  ]);
  const serving = servingOf(lane);
  const preparing = releases.find((r) => r.state === "preparing") ?? null;
  return {
    model: found,
    serving: releases.find((r) => r.id === serving?.id) ?? null,
    preparing,
    rolling: releases.find((r) => r.state === "rolling_out") ?? null,
    arms: (lane.routed?.arms ?? []).flatMap(({ releaseId, weight }) => {
      const found = lane.releases.find((r) => r.id === releaseId);
      return found
        ? [{ releaseId, weight, version: found.version.number, digest: found.version.digest }]
        : [];
    }),
    drill,
    replicas: replicas.map((r) => ({ ...r, isServing: r.versionId === serving?.version.id })),
    rollback: preview(lane, rollbackTarget(lane), releases),
    forward: preview(lane, forwardTarget(lane), releases),
    releases,
    minutes,
    gatewayUrl: config().gatewayUrl,
    input: serving ? await inputOf(ctx, serving.version.id) : null,
    sample: serving ? await sampleFor(ctx, serving.version.id) : null,
  };
}

/** The lane that a request would change. */
export async function laneOfRequest(ctx: TeamContext, input: { number: number }) {
  const request = await findRequest(ctx.db, ctx.teamId, input.number);
  if (!request) throw new NotFound(`There is no request ${input.number} in this team.`);
  const { modelName } = await loadLane(ctx.db, ctx.teamId, request.modelId);
  return modelPage(ctx, { model: modelName });
}

const replicaRows = (ctx: TeamContext, modelId: string) =>
  ctx.db
    .select({
      id: replica.id,
      versionId: replica.versionId,
      version: version.number,
      state: replica.state,
      message: replica.message,
      address: replica.address,
      nodeId: replica.nodeId,
      pid: replica.pid,
      createdAt: replica.createdAt,
      readyAt: replica.readyAt,
      undesiredAt: replica.undesiredAt,
    })
    .from(replica)
    .innerJoin(version, eq(version.id, replica.versionId))
    .where(and(eq(replica.teamId, ctx.teamId), eq(replica.modelId, modelId)))
    .orderBy(desc(replica.createdAt))
    .limit(20);

/** The first input of a version in V2 terms, for the snippets. */
async function inputOf(ctx: TeamContext, versionId: string) {
  const { version: row } = await versionForWork(ctx.db, ctx.teamId, versionId);
  const [first] = Inspection.parse(row.inspection).inputs;
  return first ? { name: first.name, shape: first.shape.map((n) => n ?? 1) } : null;
}

/** Pictures that this version can be tried with: previews of the dataset it was last measured on. */
async function sampleFor(ctx: TeamContext, versionId: string) {
  const [found] = await ctx.db
    .select({ id: dataset.id, name: dataset.name, report: dataset.report, labels: dataset.labels })
    .from(evaluation)
    .innerJoin(dataset, eq(dataset.id, evaluation.datasetId))
    .where(and(eq(evaluation.teamId, ctx.teamId), eq(evaluation.versionId, versionId)))
    .orderBy(desc(evaluation.createdAt))
    .limit(1);
  const report = DatasetReport.safeParse(found?.report);
  if (!found || !report.success || report.data.previews.length === 0) return null;
  const seen = new Set<number>();
  const previews = report.data.previews.filter((p) => !seen.has(p.label) && seen.add(p.label)).slice(0, 10);
  return { datasetId: found.id, dataset: found.name, labels: found.labels, previews };
}

const taskMeasured = sql<DatasetTask>`coalesce(${evaluation.result} ->> 'task', 'classification')`;
const taskAsked = sql<DatasetTask>`coalesce(${dataset.report} ->> 'task', 'classification')`;

/** A version about to be requested: what it would replace, and the datasets it can be measured on. */
export async function requestForm(ctx: TeamContext, input: { versionId: string }) {
  const work = await versionForWork(ctx.db, ctx.teamId, input.versionId);
  const lane = await loadLane(ctx.db, ctx.teamId, work.version.modelId);
  const serving = servingOf(lane);
  const fitting = await datasetsFor(ctx.db, ctx.teamId, work);
  const datasets = fitting.filter(({ task }) => serving || !needsBaseline(task));
  const [last] = await ctx.db
    .select({
      datasetId: evaluation.datasetId,
      task: taskMeasured,
      accuracy: evaluation.accuracy,
      n: evaluation.n,
    })
    .from(evaluation)
    .where(and(eq(evaluation.teamId, ctx.teamId), eq(evaluation.versionId, input.versionId)))
    .orderBy(desc(evaluation.createdAt))
    .limit(1);
  const open = (await requestRows(ctx.db, ctx.teamId, OVERVIEW_REQUESTS)).find(
    (r) =>
      r.model === lane.modelName &&
      r.version === work.version.number &&
      (r.state === "open" || r.state === "measuring"),
  );
  return {
    model: lane.modelName,
    version: work.version.number,
    digest: work.digest,
    bytes: work.version.bytes,
    measured: last ?? null,
    serving: serving ? { version: serving.version.number, digest: serving.version.digest } : null,
    openRequest: open?.number ?? null,
    datasets: datasets.map(({ id, name, test, task }) => ({ id, name, testSamples: test, task })),
    policy: DEFAULT_POLICY,
  };
}

/** One request with its evidence and, for whoever looks, why it can or can't be approved. */
export async function requestPage(ctx: TeamContext, input: { number: number }) {
  const request = await findRequest(ctx.db, ctx.teamId, input.number);
  if (!request) throw new NotFound(`There is no request ${input.number} in this team.`);
  const versionOf = async (id: string) => {
    const [row] = await ctx.db
      .select({
        id: version.id,
        number: version.number,
        digest: version.digest,
        sizes: version.sizes,
        bytes: version.bytes,
        inspection: version.inspection,
      })
      .from(version)
      .where(and(eq(version.id, id), eq(version.teamId, ctx.teamId)));
    if (!row) throw new NotFound("A version of this request is gone.");
    const macs =
      typeof row.inspection === "object" && row.inspection && "macs" in row.inspection
        ? row.inspection.macs
        : null;
    return {
      ...row,
      inspection: undefined,
      sizes: Sizes.nullable().parse(row.sizes),
      macs: typeof macs === "number" ? macs : null,
    };
  };
  const [[about], decisions, [measuring], candidate, production] = await Promise.all([
    ctx.db
      .select({
        model: model.name,
        requester: user.name,
        dataset: dataset.name,
        datasetDigest: dataset.digest,
        task: taskAsked,
        labels: dataset.labels,
      })
      .from(promotionRequest)
      .innerJoin(model, eq(model.id, promotionRequest.modelId))
      .innerJoin(user, eq(user.id, promotionRequest.requestedBy))
      .innerJoin(dataset, eq(dataset.id, promotionRequest.datasetId))
      .where(eq(promotionRequest.id, request.id)),
    ctx.db
      .select({
        decision: approval.decision,
        sentence: approval.sentence,
        at: approval.createdAt,
        by: user.name,
      })
      .from(approval)
      .innerJoin(user, eq(user.id, approval.approverId))
      .where(and(eq(approval.requestId, request.id), eq(approval.teamId, ctx.teamId)))
      .orderBy(asc(approval.createdAt)),
    ctx.db
      .select({ number: run.number, state: run.state, progress: run.progress, cause: run.cause })
      .from(run)
      .where(and(eq(run.id, request.runId ?? ""), eq(run.teamId, ctx.teamId))),
    versionOf(request.versionId),
    request.baselineVersionId ? versionOf(request.baselineVersionId) : null,
  ]);
  if (!about) throw new NotFound(`There is no request ${input.number} in this team.`);
  const evidence = EvaluateResult.nullable().parse(request.evidence);
  const gates = Gate.array().parse(request.gates);
  const changed = request.state === "open" ? whatChanged(request, { versionDigest: candidate.digest }) : null;
  return {
    number: request.number,
    state: request.state,
    note: request.note,
    strategy: Strategy.parse(request.strategy),
    createdAt: request.createdAt,
    decidedAt: request.decidedAt,
    releaseId: request.releaseId,
    isMine: request.requestedBy === ctx.actor.id,
    ...about,
    candidate,
    production,
    evaluation: evidence ? EvaluationResult.parse(evidence.evaluation) : null,
    baselineLatency: evidence?.baseline?.latency ?? null,
    gates,
    policy: DEFAULT_POLICY,
    digests: {
      versionDigest: request.versionDigest,
      evaluationDigest: request.evaluationDigest,
      policyDigest: request.policyDigest,
    },
    decisions,
    run: measuring
      ? {
          ...measuring,
          progress: Progress.nullable().parse(measuring.progress),
          cause: Cause.nullable().parse(measuring.cause),
        }
      : null,
    approve: whyNot(ctx, request, gates, changed),
  };
}

export type Obstacle = { kind: "gate" | "requester" | "changed" | "role" | "state"; words: string };

/** The first reason why this person can't approve this request now; null when they can. */
function whyNot(
  ctx: TeamContext,
  request: { state: string; requestedBy: string },
  gates: readonly Gate[],
  changed: string | null,
): Obstacle | null {
  if (request.state === "measuring") return { kind: "state", words: "Both versions are being measured." };
  if (request.state !== "open") return { kind: "state", words: `This request is ${request.state}.` };
  if (request.requestedBy === ctx.actor.id)
    return { kind: "requester", words: "You asked for this, so you may not approve it." };
  if (!may(ctx, "release.approve")) return { kind: "role", words: "Approving takes the role approver." };
  if (changed) return { kind: "changed", words: changed };
  const blocking = gates.find((gate) => gate.blocks);
  return blocking ? { kind: "gate", words: `${blocking.label}: ${blocking.words}` } : null;
}
