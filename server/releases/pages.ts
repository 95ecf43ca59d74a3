/** What each release page shows, put together from the read models and the pure questions about a lane. */
import { and, desc, eq, sql } from "drizzle-orm";
import { node } from "../../db/schema/cluster";
import { evaluation, model, version } from "../../db/schema/models";
import { replica } from "../../db/schema/releases";
import type { DatasetTask } from "../datasets/contract";
import { needsBaseline } from "../models/contract";
import { datasetsFor, versionForWork } from "../models/service";
import { config } from "../platform/config";
import type { TeamContext } from "../platform/context";
import { NotFound } from "../platform/errors";
import type { LaneName } from "./contract";
import { crewsOf } from "./crew-views";
import { gatesOfTime, policiesInForce, policyInForce } from "./judging";
import {
  forwardTarget,
  type Lane,
  type LaneKey,
  type LaneRelease,
  readyReplicas,
  rollbackTarget,
  rollingOf,
  servingOf,
} from "./lane";
import { findRequest, loadLane } from "./repo";
import { lastDrill } from "./rollout-repo";
import { lastMeasuredOn, picturesOf, servedSignature, tensorsOf } from "./signature";
import { strategyBreaks } from "./signature-fit";
import {
  laneRows,
  minuteRows,
  type RequestRow,
  requestRows,
  type TimelineRow,
  timelineRows,
  trafficRows,
} from "./views";

const OVERVIEW_REQUESTS = 50;
const OVERVIEW_RELEASES = 30;
const TIMELINE = 100;
const REPLICAS = 100;

/** All lanes of the team, requests, and the last changes. */
export async function overview(ctx: TeamContext) {
  const [lanes, requests, releases] = await Promise.all([
    laneRows(ctx.db, ctx.teamId),
    requestRows(ctx.db, ctx.teamId, OVERVIEW_REQUESTS),
    timelineRows(ctx.db, ctx.teamId, { limit: OVERVIEW_RELEASES }),
  ]);
  return { lanes, requests: await withGatesOfTime(ctx, requests), releases };
}

/** Requests with the gates that time changes counted among the others. */
async function withGatesOfTime(ctx: TeamContext, rows: readonly RequestRow[]): Promise<RequestRow[]> {
  const policyOf = await policiesInForce(ctx.db, ctx.teamId);
  return Promise.all(
    rows.map(async (row) => {
      if (row.state !== "open") return row;
      const gates = await gatesOfTime(ctx.db, ctx.teamId, row, policyOf(row));
      const passed = gates.filter((gate) => !gate.blocks).length;
      return { ...row, gates: row.gates + gates.length, gatesPassed: row.gatesPassed + passed };
    }),
  );
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
  /** How long the last replica of this model took to become ready, ms; null before the first. */
  warmUpMs: number | null;
  /** Median of the last measured switches, ms; null before the first. */
  expectedMs: number | null;
  lastMs: number | null;
}

function preview(
  lane: Lane,
  target: LaneRelease | undefined,
  history: readonly TimelineRow[],
  replicas: readonly { createdAt: Date; readyAt: Date | null }[],
): SwitchPreview {
  const measured = history
    .flatMap((r) => (r.kind !== "promotion" && r.switchMs !== null ? [r.switchMs] : []))
    .slice(0, 5);
  const [warmed] = replicas
    .filter((r) => r.readyAt !== null)
    .toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
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
    warmUpMs: warmed?.readyAt ? warmed.readyAt.getTime() - warmed.createdAt.getTime() : null,
    expectedMs: middle ?? null,
    lastMs: measured[0] ?? null,
  };
}

/** One lane: what serves, replicas, the way back and forward, its history. */
export async function modelPage(ctx: TeamContext, input: LaneName) {
  const { environment } = input;
  const [found] = await ctx.db
    .select({ id: model.id, name: model.name })
    .from(model)
    .where(and(eq(model.teamId, ctx.teamId), eq(model.name, input.model)));
  if (!found) throw new NotFound(`There is no model ${input.model} in this team.`);
  const key = { modelId: found.id, environment };
  const [lane, releases, minutes, replicas, drill] = await Promise.all([
    loadLane(ctx.db, ctx.teamId, key),
    timelineRows(ctx.db, ctx.teamId, { lane: key, limit: TIMELINE }),
    minuteRows(ctx.db, ctx.teamId, key),
    replicaRows(ctx, key),
    lastDrill(ctx.db, ctx.teamId, key),
  ]);
  const serving = servingOf(lane);
  const preparing = releases.find((r) => r.state === "preparing") ?? null;
  const measured = serving ? await lastMeasuredOn(ctx, serving.version.id) : null;
  return {
    model: found,
    environment,
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
    scaling: lane.scaling,
    crews: crewsOf(lane, new Date()),
    replicas: replicas.map((r) => ({
      ...r,
      isServing: r.versionId === serving?.version.id,
      isRolling: r.versionId === rollingOf(lane)?.version.id,
    })),
    rollback: preview(lane, rollbackTarget(lane), releases, replicas),
    forward: preview(lane, forwardTarget(lane), releases, replicas),
    releases,
    minutes,
    gatewayUrl: config().gatewayUrl,
    inputs: (serving && (await servedSignature(ctx, serving.version.id))?.inputs) ?? [],
    sample: measured && picturesOf(measured),
  };
}

/** The lane that a request would change. */
export async function laneOfRequest(ctx: TeamContext, input: { number: number }) {
  const request = await findRequest(ctx.db, ctx.teamId, input.number);
  if (!request) throw new NotFound(`There is no request ${input.number} in this team.`);
  const { modelName, environment } = await loadLane(ctx.db, ctx.teamId, request);
  return modelPage(ctx, { model: modelName, environment });
}

const replicaRows = (ctx: TeamContext, { modelId, environment }: LaneKey) =>
  ctx.db
    .select({
      id: replica.id,
      versionId: replica.versionId,
      version: version.number,
      state: replica.state,
      message: replica.message,
      address: replica.address,
      nodeId: replica.nodeId,
      node: node.name,
      pid: replica.pid,
      createdAt: replica.createdAt,
      readyAt: replica.readyAt,
      endedAt: replica.endedAt,
      leavingAt: replica.leavingAt,
      undesiredAt: replica.undesiredAt,
    })
    .from(replica)
    .innerJoin(version, eq(version.id, replica.versionId))
    .leftJoin(node, and(eq(node.clusterId, replica.clusterId), eq(node.nodeId, replica.nodeId)))
    .where(
      and(eq(replica.teamId, ctx.teamId), eq(replica.modelId, modelId), eq(replica.environment, environment)),
    )
    // Wanted ones first: those that ended must not push them out.
    .orderBy(sql`${replica.undesiredAt} is null desc`, desc(replica.createdAt))
    .limit(REPLICAS);

const taskMeasured = sql<DatasetTask>`coalesce(${evaluation.result} ->> 'task', 'classification')`;

/** A version about to be requested for production: what it would replace, and the datasets it can be measured on. */
export async function requestForm(ctx: TeamContext, input: { versionId: string }) {
  const work = await versionForWork(ctx.db, ctx.teamId, input.versionId);
  const key = { modelId: work.version.modelId, environment: "production" } as const;
  const lane = await loadLane(ctx.db, ctx.teamId, key);
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
      r.modelId === key.modelId &&
      r.environment === key.environment &&
      r.version === work.version.number &&
      (r.state === "open" || r.state === "measuring"),
  );
  const breaks = await formBreaks(ctx, input.versionId, serving?.version.id);
  return {
    model: lane.modelName,
    version: work.version.number,
    digest: work.digest,
    /** What of the signature a way to move traffic can't bear; null where it can. */
    breaks,
    bytes: work.version.bytes,
    measured: last ?? null,
    serving: serving ? { version: serving.version.number, digest: serving.version.digest } : null,
    openRequest: open?.number ?? null,
    datasets: datasets.map(({ id, name, test, task }) => ({ id, name, testSamples: test, task })),
    policy: await policyInForce(ctx.db, ctx.teamId, key),
  };
}

async function formBreaks(ctx: TeamContext, versionId: string, servingId: string | undefined) {
  if (servingId === undefined) return { canary: null, shadow: null };
  const [candidate, serving] = await Promise.all([
    tensorsOf(ctx.db, ctx.teamId, versionId),
    tensorsOf(ctx.db, ctx.teamId, servingId),
  ]);
  return {
    canary: strategyBreaks({ kind: "canary" }, candidate, serving),
    shadow: strategyBreaks({ kind: "shadow" }, candidate, serving),
  };
}

export { type Obstacle, requestPage } from "./request-page";
