/**
 * What was, in the words of a replay: the demands that it plays, and the figures that it is held against. Pure. A week
 * of a large cluster takes seconds to shape: each gives way after every piece of it.
 */
import { RANKS } from "../../runs/queue-contract";
import type { Demand, Played, PoolPlayed, Range } from "./demand";
import { Heap } from "./heap";
import type { Piece, Work } from "./history";

export interface Past {
  /** In the order in which they asked. */
  works: readonly Work[];
  /** In the order in which they began. */
  pieces: readonly Piece[];
  /** Pieces in which nodes were busy with nothing of ours. */
  theirs: readonly Piece[];
}

export function* pastOf(
  works: readonly Work[],
  pieces: readonly Piece[],
  { to }: Range,
): Generator<void, Past> {
  const ours = yield* livesOf(works, to);
  const theirs: Piece[] = [];
  for (const piece of pieces) {
    const { nodeId, state, since, until } = piece;
    if (state === "active" && !ours.wereOn(nodeId, since, until ?? to)) theirs.push(piece);
    yield;
  }
  return { works, pieces, theirs };
}

/**
 * Everything that asked for room or had it. Work that the console knows nothing of counts as a whole node that was busy,
 * asked for when the node was.
 */
export function* demandsOf({ works, pieces, theirs }: Past, range: Range): Generator<void, Demand[]> {
  const poolOf = new Map<string, string>();
  for (const { nodeId, pool } of pieces) {
    poolOf.set(nodeId, pool);
    yield;
  }
  const demands: Demand[] = [];
  const add = (demand: Demand) => {
    if (demand.until === null || demand.until > range.from) demands.push(demand);
  };
  for (const work of works) {
    add(demandOf(work, poolOf.get(work.nodeIds[0] ?? "") ?? null, range));
    yield;
  }
  for (const piece of theirs) {
    add(foreignDemand(piece, range));
    yield;
  }
  return demands;
}

function demandOf(work: Work, pool: string | null, { from, to }: Range): Demand {
  const { kind, parts, cpus, gpus, askedAt, beganAt, endedAt } = work;
  const ranBefore = beganAt !== null && beganAt < from;
  const base = {
    // What ran at the beginning did not wait then; what waited did so for longer than is played.
    askedAt: Math.max(askedAt, from),
    ...{ parts, shape: { cpus, gpus }, pool, isBound: false },
    rank: work.isQueued && !ranBefore ? RANKS[work.priority] : null,
  };
  // A service serves until a time of day, a run works for a time.
  if (kind !== "run") return { ...base, runsMs: Number.POSITIVE_INFINITY, until: endedAt };
  if (beganAt === null)
    return { ...base, runsMs: endedAt === null ? Number.POSITIVE_INFINITY : 0, until: endedAt };
  const runsMs =
    endedAt === null || endedAt >= to ? Number.POSITIVE_INFINITY : endedAt - Math.max(beganAt, from);
  return { ...base, runsMs, until: null };
}

/** When something of ours was on each node. */
class Lives {
  /** By when they began, each with when the last of it and of those before it ended. */
  private readonly of = new Map<string, { began: number; allEnded: number }[]>();

  /** Those that began earlier were added before. */
  add(nodeIds: readonly string[], began: number, ended: number): void {
    for (const nodeId of nodeIds) {
      const here = this.of.get(nodeId) ?? [];
      if (here.length === 0) this.of.set(nodeId, here);
      here.push({ began, allEnded: Math.max(ended, here.at(-1)?.allEnded ?? ended) });
    }
  }

  wereOn(nodeId: string, since: number, until: number): boolean {
    const here = this.of.get(nodeId) ?? [];
    let [low, high] = [0, here.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((here[middle]?.began ?? until) < until) low = middle + 1;
      else high = middle;
    }
    return (here[low - 1]?.allEnded ?? since) > since;
  }
}

function* livesOf(works: readonly Work[], to: number): Generator<void, Lives> {
  const byBegin = new Heap<Work>();
  for (const work of works) {
    byBegin.add(Math.min(work.askedAt, work.beganAt ?? work.askedAt), work);
    yield;
  }
  const lives = new Lives();
  for (
    let began = byBegin.nextAt, work = byBegin.take();
    work;
    began = byBegin.nextAt, work = byBegin.take()
  ) {
    lives.add(work.nodeIds, began, work.endedAt ?? to);
    yield;
  }
  return lives;
}

const foreignDemand = (
  { pool, cpus, gpus, since, until, decidedAt }: Piece,
  { from, to }: Range,
): Demand => ({
  askedAt: Math.max(since < from ? from : (decidedAt ?? since), from),
  runsMs: until !== null && until < to ? until - Math.max(since, from) : Number.POSITIVE_INFINITY,
  ...{ until: null, parts: 1, shape: { cpus, gpus }, rank: null, pool, isBound: true },
});

/** What really was within a time. A session is not known to have waited; a run's wait lasts until it reported. */
export function* played({ works, pieces, theirs }: Past, range: Range): Generator<void, Played> {
  const { from, to } = range;
  const pools = yield* poolsOf(pieces, range);
  const course = yield* courseOf(pieces, range);
  const waitedMs: number[] = [];
  let stillWaiting = 0;
  for (const { askedAt, beganAt, endedAt } of works) {
    if (beganAt === null && endedAt === null) stillWaiting += 1;
    if (beganAt === null || beganAt >= from)
      waitedMs.push(Math.max(0, Math.min(beganAt ?? endedAt ?? to, to) - Math.max(askedAt, from)));
    yield;
  }
  for (const { since, decidedAt } of theirs) {
    if (since >= from) waitedMs.push(since - Math.max(decidedAt ?? since, from));
    yield;
  }
  return {
    ...{ pools, waitedMs, stillWaiting, refused: 0, course },
    nodesAtMost: course.reduce((most, { nodes }) => Math.max(most, nodes), 0),
  };
}

/** Nodes of a pool keep the price that was in force, so that one of several prices is several parts of the sum. */
function* poolsOf(pieces: readonly Piece[], { from, to }: Range): Generator<void, PoolPlayed[]> {
  const parts = new Map<string, PoolPlayed>();
  for (const { pool: name, pricePerHour, state, since, until } of pieces) {
    const upMs = Math.min(until ?? to, to) - Math.max(since, from);
    const key = `${name} ${pricePerHour}`;
    const part = parts.get(key) ?? { name, pricePerHour, upMs: 0, busyMs: 0 };
    part.upMs += upMs;
    part.busyMs += state === "idle" ? 0 : upMs;
    parts.set(key, part);
    yield;
  }
  return [...parts.values()];
}

/** One step for each moment at which a piece begins or ends. */
function* courseOf(pieces: readonly Piece[], { from, to }: Range): Generator<void, Played["course"]> {
  const course = [{ at: from, nodes: 0 }];
  const step = (at: number, by: number) => {
    const last = course.at(-1);
    if (last?.at === at) last.nodes += by;
    else course.push({ at, nodes: (last?.nodes ?? 0) + by });
  };
  const ends = new Heap<true>();
  function* endUntil(moment: number) {
    for (let at = ends.nextAt; at <= moment && ends.take(); at = ends.nextAt) {
      step(at, -1);
      yield;
    }
  }
  for (const { since, until } of pieces) {
    const at = Math.max(since, from);
    yield* endUntil(at);
    step(at, 1);
    if (until !== null && until < to) ends.add(until, true);
    yield;
  }
  yield* endUntil(to);
  return course;
}
