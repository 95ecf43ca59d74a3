/** What was: a node's page, courses of what was used, and a decision with what came of it. */
import type { z } from "zod";
import { defaultClusterId } from "../engine/service";
import type { TeamContext } from "../platform/context";
import { NotFound } from "../platform/errors";
import type { DecisionQuery, NodeQuery, UsageQuery } from "./contract";
import { flappingOf } from "./flaps";
import { statesOf } from "./intervals";
import { costOf, timesOf } from "./outcome";
import * as repo from "./repo";
import { allotted } from "./state";
import { latestReadings, readCourses, UNREAD } from "./usage/read";

/** Pieces of its life and works on it that a node's page shows. */
const SHOWN = 50;

/** Everything that is known of a node, and of what ran on it. @throws NotFound */
export async function nodePage(ctx: TeamContext, { id }: z.infer<typeof NodeQuery>) {
  const clusterId = await defaultClusterId(ctx.db);
  const found = await repo.findNode(ctx.db, clusterId, id);
  if (!found) throw new NotFound("There is no such node.");
  const { observed, serial: _serial, ...row } = found;
  const [occupants, readings, states, flapping, costs, works] = await Promise.all([
    repo.listOccupants(ctx.db, clusterId, ctx.teamId),
    latestReadings(ctx.db, clusterId),
    statesOf(ctx.db, clusterId, row.nodeId, SHOWN),
    flappingOf(ctx.db, clusterId, row.nodeId),
    repo.costsOfNodes(ctx.db, clusterId, [row.nodeId]),
    repo.worksOn(ctx.db, ctx.teamId, clusterId, [row.nodeId], SHOWN),
  ]);
  const isUp = row.state !== "gone";
  return {
    ...row,
    ...allotted(observed),
    ...((isUp && readings.of.get(row.nodeId)) || UNREAD),
    readAt: isUp ? readings.at : null,
    states,
    isFlapping: flapping.has(row.nodeId),
    /** $ so far; null without a price. */
    cost: costs[0]?.cost ?? null,
    upSeconds: costs[0]?.seconds ?? 0,
    occupants: isUp ? occupants.filter((o) => o.nodeId === row.nodeId) : [],
    works,
  };
}

/** Courses at the width of a chart. @throws NotFound for a node that never was */
export async function usage(ctx: TeamContext, input: z.infer<typeof UsageQuery>, now = Date.now()) {
  const clusterId = await defaultClusterId(ctx.db);
  const { of, metrics, ...range } = input;
  if (of.kind !== "node") {
    const pool = of.kind === "pool" ? of.name : "";
    return readCourses(ctx.db, { clusterId, pool }, metrics, range, now);
  }
  const row = await repo.findNode(ctx.db, clusterId, of.id);
  if (!row) throw new NotFound("There is no such node.");
  return readCourses(ctx.db, { serial: row.serial, gpus: Math.ceil(row.gpus) }, metrics, range, now);
}

/** A decision, the lives of its nodes and what ran on them since. @throws NotFound */
export async function decision(ctx: TeamContext, { id }: z.infer<typeof DecisionQuery>) {
  const clusterId = await defaultClusterId(ctx.db);
  const found = await repo.findDecision(ctx.db, clusterId, id);
  if (!found) throw new NotFound(`There is no decision ${id}.`);
  const { demand, ...row } = found;
  const [nodes, works] = await Promise.all([
    repo.costsOfNodes(ctx.db, clusterId, row.nodeIds),
    repo.worksOn(ctx.db, ctx.teamId, clusterId, row.nodeIds, SHOWN),
  ]);
  return {
    ...row,
    /** Shapes that nothing had free then, and how many of each. */
    demands: repo.Demanded.parse(demand).demands,
    ...timesOf(row),
    nodes,
    /** $ that what it started has cost so far; null where a node has no price. */
    cost: costOf(nodes.map(({ cost }) => cost)),
    works,
  };
}
