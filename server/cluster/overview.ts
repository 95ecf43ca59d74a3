/**
 * The cluster as its page shows it. What is read for one is for all of a team that ask meanwhile, and who holds an
 * earlier revision is told what changed since (`changes.ts`).
 */
import type { z } from "zod";
import { DesiredPool, ObservedCluster } from "../engine/contract";
import { defaultClusterId } from "../engine/service";
import type { TeamContext } from "../platform/context";
import { databaseTime } from "../platform/db";
import { newId } from "../platform/ids";
import { byName } from "../platform/names-contract";
import { singleton } from "../platform/singleton";
import { Book } from "./changes";
import type { ChangesQuery } from "./changes-contract";
import { flappingOf } from "./flaps";
import { plannedOf } from "./pools";
import * as repo from "./repo";
import { allotted, countsOf, healthOf } from "./state";
import { explain } from "./waiting";
import { heldOf } from "./waits";

type Read = Awaited<ReturnType<typeof read>>;

/** Teams whose pages are remembered; whoever comes back after that reads everything. */
const BOARDS_AT_MOST = 50;

/** What a team was shown. Reads follow one another, so that what is written down is ever newer. */
class Board {
  readonly book = new Book<Read["nodes"][number], Read["rest"]>(newId("board"));
  private running: Promise<Shown> | null = null;
  private next: Promise<Shown> | null = null;

  /** What is so now: what had begun before it was asked for may not have seen it. */
  show(ctx: TeamContext): Promise<Shown> {
    if (this.next) return this.next;
    if (!this.running) return this.begin(ctx);
    this.next = this.running
      .catch(() => undefined)
      .then(() => {
        this.next = null;
        return this.begin(ctx);
      });
    return this.next;
  }

  private begin(ctx: TeamContext): Promise<Shown> {
    const running = read(ctx)
      .then(({ nodes, rest }) => ({ ...rest, nodes, revision: this.book.write(nodes, rest) }))
      .finally(() => {
        this.running = null;
      });
    this.running = running;
    return running;
  }
}
type Shown = Read["rest"] & { nodes: Read["nodes"]; revision: string };

function boardOf(teamId: string): Board {
  const boards = singleton("cluster.boards", () => new Map<string, Board>());
  const board = boards.get(teamId) ?? new Board();
  // The one that was asked for last stands last.
  boards.delete(teamId);
  boards.set(teamId, board);
  for (const oldest of boards.keys()) {
    if (boards.size <= BOARDS_AT_MOST) break;
    boards.delete(oldest);
  }
  return board;
}

/** Everything but what nodes use by the second, which `readings` tells: this changes with events. */
export const overview = (ctx: TeamContext): Promise<Shown> => boardOf(ctx.teamId).show(ctx);

/** What of it differs from a revision of it; null where that is not known any more and all of it is to be read. */
export async function changes(ctx: TeamContext, { since }: z.infer<typeof ChangesQuery>) {
  const board = boardOf(ctx.teamId);
  await board.show(ctx);
  return board.book.since(since);
}

async function read(ctx: TeamContext) {
  const clusterId = await defaultClusterId(ctx.db);
  const [cluster, nodes, pools, occupants, told, flapping, now] = await Promise.all([
    repo.findCluster(ctx.db, clusterId),
    repo.listLiveNodes(ctx.db, clusterId),
    repo.listPools(ctx.db, clusterId),
    repo.listOccupants(ctx.db, clusterId, ctx.teamId),
    repo.findRest(ctx.db, clusterId),
    flappingOf(ctx.db, clusterId),
    databaseTime(ctx.db),
  ]);
  const observed = ObservedCluster.omit({ nodes: true }).safeParse(told);
  const { pending, failed, demands, groups, followsPools } = observed.success ? observed.data : NOTHING;
  const on = new Map<string | null, repo.OccupantRow[]>();
  for (const o of occupants) {
    const here = on.get(o.nodeId);
    if (here) here.push(o);
    else on.set(o.nodeId, [o]);
  }
  const workers = nodes.filter((n) => !n.isHead);
  const waiting = on.get(null) ?? [];
  const held = await heldOf(ctx.db, waiting);
  const listedNodes = nodes.map((row) => ({
    ...listed(row),
    isFlapping: flapping.has(row.nodeId),
    occupants: (on.get(row.nodeId) ?? []).map(named),
  }));
  const rest = {
    name: cluster?.name ?? "local",
    lastSeenAt: cluster?.lastSeenAt ?? null,
    health: healthOf(cluster, now),
    counts: countsOf(workers, pending, failed),
    pending,
    failed: failed.toSorted((a, b) => byName(a.pool, b.pool)),
    demands,
    groups,
    /** Whether an edit of a pool reaches it. */
    followsPools,
    waiting: explain(waiting, nodes, pools, { pending, failed }, held),
    pools: pools.map((pool) => ({
      ...pool,
      ...plannedOf(pool),
      resources: DesiredPool.shape.resources.parse(pool.resources),
      nodes: workers.filter((n) => n.pool === pool.name).length,
      counts: countsOf(
        workers.filter((n) => n.pool === pool.name),
        pending.filter((p) => p.pool === pool.name),
        failed.filter((p) => p.pool === pool.name),
      ),
    })),
  };
  return { nodes: listedNodes, rest };
}

/** What of a node a list of thousands shows; its own page tells the rest. */
function listed(row: repo.NodeRow) {
  const { id, nodeId, serial, name, pool, isHead, state, stateSince, cpus, gpus, memoryBytes, wish } = row;
  const { cpusUsed, gpusUsed, gpuModel, address, cordoned } = allotted(row.observed);
  return {
    ...{ id, nodeId, serial, name, pool, isHead, state, stateSince, wish, cordoned, address },
    ...{ cpus, cpusUsed, gpus, gpusUsed, gpuModel, memoryBytes, pricePerHour: row.pricePerHour },
  };
}

const named = ({ kind, id, label, path }: repo.OccupantRow) => ({ kind, id, label, path });

const NOTHING: Omit<ObservedCluster, "nodes" | "departed"> = {
  pending: [],
  failed: [],
  demands: [],
  groups: [],
  followsPools: true,
};
