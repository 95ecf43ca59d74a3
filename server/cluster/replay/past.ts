/** What was, in the words of a replay: the demands that it plays, and the figures that it is held against. Pure. */
import { RANKS } from "../../runs/queue-contract";
import type { Demand, Played, PoolPlayed, Range } from "./demand";
import type { Piece, Work } from "./history";

export interface Past {
  works: readonly Work[];
  pieces: readonly Piece[];
  /** Pieces in which nodes were busy with nothing of ours. */
  theirs: readonly Piece[];
}

export const pastOf = (works: readonly Work[], pieces: readonly Piece[], range: Range): Past => ({
  ...{ works, pieces, theirs: foreign(works, pieces, range) },
});

/**
 * Everything that asked for room or had it. Work that the console knows nothing of counts as a whole node that was busy,
 * asked for when the node was.
 */
export function demandsOf({ works, pieces, theirs }: Past, range: Range): Demand[] {
  const poolOf = new Map(pieces.map(({ nodeId, pool }) => [nodeId, pool]));
  const ours = works.map((work) => demandOf(work, poolOf.get(work.nodeIds[0] ?? "") ?? null, range));
  return [...ours, ...theirs.map((piece) => foreignDemand(piece, range))].filter(
    ({ until }) => until === null || until > range.from,
  );
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

/** Pieces of nodes with work while nothing of ours was on them. */
function foreign(works: readonly Work[], pieces: readonly Piece[], { to }: Range): Piece[] {
  const ours = new Lives(works, to);
  return pieces.filter(
    ({ nodeId, state, since, until }) => state === "active" && !ours.wereOn(nodeId, since, until ?? to),
  );
}

/** When something of ours was on each node. */
class Lives {
  /** By when they began, each with when the last of it and of those before it ended. */
  private readonly of = new Map<string, { began: number; allEnded: number }[]>();

  constructor(works: readonly Work[], to: number) {
    const lives = works.map(({ nodeIds, askedAt, beganAt, endedAt }) => ({
      ...{ nodeIds, began: Math.min(askedAt, beganAt ?? askedAt), ended: endedAt ?? to },
    }));
    for (const { nodeIds, began, ended } of lives.sort((a, b) => a.began - b.began))
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

const foreignDemand = (
  { pool, cpus, gpus, since, until, decidedAt }: Piece,
  { from, to }: Range,
): Demand => ({
  askedAt: Math.max(since < from ? from : (decidedAt ?? since), from),
  runsMs: until !== null && until < to ? until - Math.max(since, from) : Number.POSITIVE_INFINITY,
  ...{ until: null, parts: 1, shape: { cpus, gpus }, rank: null, pool, isBound: true },
});

/** What really was within a time. A session is not known to have waited; a run's wait lasts until it reported. */
export function played({ works, pieces, theirs }: Past, { from, to }: Range): Played {
  const within = ({ since, until }: Piece) => Math.min(until ?? to, to) - Math.max(since, from);
  // Nodes of a pool keep the price that was in force, so that one of several prices is several parts of the sum.
  const parts = new Map<string, PoolPlayed>();
  const course = courseOf(pieces, { from, to });
  for (const piece of pieces) {
    const upMs = within(piece);
    const { pool: name, pricePerHour } = piece;
    const key = `${name} ${pricePerHour}`;
    const part = parts.get(key) ?? { name, pricePerHour, upMs: 0, busyMs: 0 };
    part.upMs += upMs;
    part.busyMs += piece.state === "idle" ? 0 : upMs;
    parts.set(key, part);
  }
  const waiting = works.filter(({ beganAt, endedAt }) => beganAt === null && endedAt === null);
  return {
    pools: [...parts.values()],
    waitedMs: [
      ...works
        .filter(({ beganAt }) => beganAt === null || beganAt >= from)
        .map(({ askedAt, beganAt, endedAt }) =>
          Math.max(0, Math.min(beganAt ?? endedAt ?? to, to) - Math.max(askedAt, from)),
        ),
      ...theirs
        .filter(({ since }) => since >= from)
        .map(({ since, decidedAt }) => since - Math.max(decidedAt ?? since, from)),
    ],
    ...{ stillWaiting: waiting.length, refused: 0, course },
    nodesAtMost: course.reduce((most, { nodes }) => Math.max(most, nodes), 0),
  };
}

function courseOf(pieces: readonly Piece[], { from, to }: Range): { at: number; nodes: number }[] {
  const steps = new Map<number, number>([[from, 0]]);
  const step = (at: number, by: number) => steps.set(at, (steps.get(at) ?? 0) + by);
  for (const { since, until } of pieces) {
    step(Math.max(since, from), 1);
    if (until !== null && until < to) step(until, -1);
  }
  let nodes = 0;
  return [...steps]
    .sort(([a], [b]) => a - b)
    .map(([at, by]) => {
      nodes += by;
      return { at, nodes };
    });
}
