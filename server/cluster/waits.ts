/** What waits for a place on the cluster now, read and explained: the same wherever one of them is shown. */
import { teamsHeld } from "../cost/service";
import { ObservedCluster, ObservedNode } from "../engine/contract";
import { defaultClusterId } from "../engine/service";
import type { Db } from "../platform/db";
import * as repo from "./repo";
import { explain } from "./waiting";

/** Of some teams, by their own names; places in the queue are among all. */
export async function waitingOf(db: Db, teamIds: readonly string[]) {
  const clusterId = await defaultClusterId(db);
  const waiting = (await repo.listOccupants(db, clusterId, null)).filter((o) => o.nodeId === null);
  const asked = new Set(teamIds);
  const isOwn = (one: repo.OccupantRow) => asked.has(one.teamId);
  if (!waiting.some(isOwn)) return [];
  const [nodes, pools, rest, held] = await Promise.all([
    repo.listLiveNodes(db, clusterId),
    repo.listPools(db, clusterId),
    repo.findRest(db, clusterId),
    heldOf(db, waiting),
  ]);
  const observed = ObservedCluster.pick({ pending: true, failed: true }).safeParse(rest);
  const known = observed.success ? observed.data : { pending: [], failed: [] };
  // What an older agent told of a node keeps nobody from seeing the rest.
  const legible = nodes.filter((node) => ObservedNode.safeParse(node.observed).success);
  return explain(waiting, legible, pools, known, held, isOwn);
}

/** Teams whose budget is spent, among those that wait. */
export const heldOf = (db: Db, waiting: readonly repo.OccupantRow[]) =>
  teamsHeld(
    db,
    waiting.map(({ teamId }) => teamId),
  );
