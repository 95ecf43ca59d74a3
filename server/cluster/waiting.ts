/** Everything that waits for a place, each with why: what `why.ts` works out, of what is known now. */
import { DesiredPool, type ObservedCluster } from "../engine/contract";
import type { NodeRow, OccupantRow, PoolRow } from "./repo";
import { allotted } from "./state";
import { type Asker, Ground, type Place, type PoolRoom, type Shape, type Why, whyWaits } from "./why";

type Known = Pick<ObservedCluster, "pending" | "failed">;

/**
 * @param waiting what has no node yet; its resources are those of all its workers
 * @param held teams whose budget is spent: what they queue is passed by the others
 * @param isAsked those that are explained; places in the queue are among all
 */
export function explain(
  waiting: readonly OccupantRow[],
  nodes: readonly NodeRow[],
  pools: readonly PoolRow[],
  known: Known,
  held: ReadonlySet<string>,
  isAsked: (one: OccupantRow) => boolean = () => true,
): (OccupantRow & { why: Why })[] {
  const workers = nodes.filter(({ isHead }) => !isHead);
  const rooms = pools.map((pool) => roomOf(pool, workers, known));
  const ground = new Ground(workers.map(placeOf), rooms);
  const isHeld = (one: OccupantRow) => one.queuePlace !== null && held.has(one.teamId);
  const queued = waiting.flatMap((one) => (one.queuePlace === null || isHeld(one) ? [] : [one.queuePlace]));
  const placeAmong = new Map(queued.sort((a, b) => a - b).map((place, i) => [place, i + 1]));
  return waiting.filter(isAsked).map((one) => {
    const place = one.queuePlace === null || isHeld(one) ? null : (placeAmong.get(one.queuePlace) ?? null);
    const asker = { ...askerOf(one), queuePlace: place, isHeld: isHeld(one) };
    return { ...one, queuePlace: place, why: whyWaits(asker, ground) };
  });
}

function askerOf({ kind, cpus, gpus, workers, least }: OccupantRow): Pick<Asker, "kind" | "shape" | "count"> {
  return { kind, shape: { cpus: cpus / workers, gpus: gpus / workers }, count: least };
}

function placeOf(row: NodeRow): Place {
  const { cpusUsed, gpusUsed, cordoned } = allotted(row.observed);
  return {
    ...{ name: row.name, pool: row.pool, size: { cpus: row.cpus, gpus: row.gpus } },
    isOpen: row.state !== "draining" && row.wish === null && !cordoned,
    free: { cpus: Math.max(0, row.cpus - cpusUsed), gpus: Math.max(0, row.gpus - gpusUsed) },
  };
}

function roomOf({ name, max, resources }: PoolRow, nodes: readonly NodeRow[], known: Known): PoolRoom {
  const { CPU = 0, GPU = 0 } = DesiredPool.shape.resources.parse(resources);
  const size: Shape = { cpus: CPU, gpus: GPU };
  const starting = known.pending.filter(({ pool }) => pool === name).reduce((sum, p) => sum + p.count, 0);
  // One that drains makes room for another.
  const staying = nodes.filter((node) => node.pool === name && node.state !== "draining").length;
  const failed = known.failed.find(({ pool }) => pool === name) ?? null;
  return { name, max, size, starting, nodes: staying + starting, failed };
}
