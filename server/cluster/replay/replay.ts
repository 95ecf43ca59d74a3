/**
 * Plays demands of the past under given limits, as a discrete-event simulation: pure.
 *
 * It is let in and placed as the product does it: trainings and scripts strictly in order once all of their parts find
 * room on nodes that are up or may be started, everything else at once; parts of one demand begin together, on the oldest
 * nodes that have room. Nodes are started for what was let in, and leave when they idle. Nothing fails, and what runs on
 * nodes takes as long as it did.
 *
 * What happens costs what it touches, not what there is: nodes are found by their room (`places.ts`), what waits is
 * asked once for all that are alike (`unplaced.ts`), and a moment that changes nothing is passed.
 */
import { groupBy } from "../../platform/group-by";
import { holds } from "../why";
import type { Demand, Played, Range, ReplayPool } from "./demand";
import { Heap } from "./heap";
import { Line } from "./line";
import { mayHold, type PlayedNode, PlayedPool, placesFor, type Taken } from "./pool";
import { Rooms } from "./rooms";
import { type Placeable, Unplaced } from "./unplaced";

interface Asked extends Placeable {
  demand: Demand;
  shape: Demand["shape"];
}

/** Played moment by moment: it gives way between two, so that whoever plays may do something else meanwhile. */
export const replaying = (
  demands: readonly Demand[],
  pools: readonly ReplayPool[],
  range: Range,
): Generator<void, Played> => new Replay(pools, range).play(demands);

/** The same in one go. */
export function replay(demands: readonly Demand[], pools: readonly ReplayPool[], range: Range): Played {
  const playing = replaying(demands, pools, range);
  for (;;) {
    const { done, value } = playing.next();
    if (done) return value;
  }
}

class Replay {
  private now: number;
  private readonly due = new Heap<() => void>();
  private readonly pools: PlayedPool[];
  /** By rank; the first of the first that is not empty goes next. */
  private readonly queue = [new Line<Asked>(), new Line<Asked>(), new Line<Asked>()];
  /** Let in, and without a place yet. */
  private readonly admitted = new Unplaced<Asked>();
  private readonly overdue = new Map<PlayedPool, Set<PlayedNode>>();
  /** Since everything followed from what happened the last time. */
  private hasChanged = true;
  private readonly orders = new Map<string, readonly PlayedPool[]>();
  private readonly course: { at: number; nodes: number }[] = [];
  private readonly waitedMs: number[] = [];
  private refused = 0;
  private nodesAtMost = 0;

  constructor(
    pools: readonly ReplayPool[],
    private readonly range: Range,
  ) {
    this.now = range.from;
    this.pools = pools.map((pool) => new PlayedPool(pool));
    for (const pool of this.pools) this.overdue.set(pool, new Set());
    for (const pool of this.pools)
      for (const { at, min, max } of pool.of.limits)
        this.due.add(at, () => {
          Object.assign(pool, { min, max });
          this.hasChanged = true;
        });
  }

  *play(demands: readonly Demand[]): Generator<void, Played> {
    const { to } = this.range;
    const arriving = new Heap<Demand>();
    for (const demand of demands) {
      arriving.add(demand.askedAt, demand);
      yield;
    }
    const nextAt = () => Math.min(arriving.nextAt, this.due.nextAt);
    while (nextAt() < to) {
      this.now = Math.max(this.now, nextAt());
      while (this.due.nextAt <= this.now) this.due.take()?.();
      while (arriving.nextAt <= this.now) {
        const one = arriving.take();
        if (one) this.ask(one);
      }
      if (this.hasChanged) this.settle();
      yield;
    }
    const waiting = [...this.queue.flatMap((line) => [...line]), ...this.admitted].filter(
      (one) => !isOver(one),
    );
    for (const { demand } of waiting) this.waitedMs.push(to - demand.askedAt);
    return {
      pools: this.pools.map((pool) => pool.played(to)),
      ...{ waitedMs: this.waitedMs, stillWaiting: waiting.length, refused: this.refused },
      ...{ course: this.course, nodesAtMost: this.nodesAtMost },
    };
  }

  private ask(demand: Demand): void {
    const { parts, shape, pool, isBound, rank, until } = demand;
    const key = `${shape.cpus} ${shape.gpus} ${pool} ${isBound}`;
    const pools = this.orders.get(key) ?? this.orderFor(demand);
    this.orders.set(key, pools);
    const most = ({ of }: PlayedPool) => Math.max(...of.limits.map(({ max }) => max)) * holds(shape, of.size);
    if (pools.reduce((sum, one) => sum + most(one), 0) < parts) {
      this.refused += 1;
      return;
    }
    const asked: Asked = { demand, parts, shape, pools, key, state: rank === null ? "admitted" : "queued" };
    if (rank === null) this.admitted.add(asked);
    else this.queue[rank]?.push(asked);
    this.hasChanged = true;
    if (until !== null) this.due.add(until, () => this.giveUp(asked));
  }

  /** Where it ran; then without GPUs that it has no use for, the cheapest and smallest first. */
  private orderFor({ shape, pool, isBound }: Demand): PlayedPool[] {
    const rankOf = ({ of: { name, size, pricePerHour } }: PlayedPool) => [
      name === pool ? 0 : 1,
      shape.gpus > 0 ? 0 : size.gpus,
      pricePerHour ?? 0,
      size.cpus,
    ];
    const fitting = this.pools.filter(({ of }) => holds(shape, of.size) > 0);
    const bound = fitting.filter(({ of }) => isBound && of.name === pool);
    return bound.length > 0 ? bound : fitting.sort((a, b) => compare(rankOf(a), rankOf(b)));
  }

  private giveUp(asked: Asked): void {
    if (isOver(asked)) return;
    if (asked.state === "admitted") this.admitted.leave(asked);
    asked.state = "left";
    this.hasChanged = true;
    this.waitedMs.push(this.now - asked.demand.askedAt);
  }

  /** Everything that follows from what happened at one moment. */
  private settle(): void {
    this.hasChanged = false;
    this.place();
    if (this.look()) this.place();
    this.retire();
    const nodes = this.pools.reduce((sum, pool) => sum + pool.nodes.length, 0);
    if (this.course.at(-1)?.nodes !== nodes) this.course.push({ at: this.now, nodes });
    this.nodesAtMost = Math.max(this.nodesAtMost, nodes);
  }

  private place(): void {
    if (this.admitted.length === 0) return;
    this.admitted.offer((asked) => {
      const places = placesFor(asked.parts, asked.shape, asked.pools);
      if (places) this.begin(asked, places);
      return places !== null;
    });
  }

  private begin(asked: Asked, places: Taken): void {
    const { askedAt, runsMs, until } = asked.demand;
    this.admitted.leave(asked);
    asked.state = "placed";
    this.hasChanged = true;
    this.waitedMs.push(this.now - askedAt);
    for (const [node, parts] of places) {
      node.pool.take(node, parts, asked.shape, this.now);
      this.overdue.get(node.pool)?.delete(node);
    }
    const ends = Math.min(this.now + runsMs, until ?? Number.POSITIVE_INFINITY);
    if (ends >= this.range.to) return;
    this.due.add(ends, () => {
      for (const [node, parts] of places) node.pool.give(node, parts, asked.shape, this.now);
      this.hasChanged = true;
      this.watch(places.flatMap(([node]) => (node.parts === 0 ? [node] : [])));
    });
  }

  /** Starts nodes for what was let in, and lets in what finds room then. Answers whether there is more to place. */
  private look(): boolean {
    for (const pool of this.pools) this.start(pool, pool.min - pool.count);
    if (this.admitted.length === 0 && this.queue.every(({ length }) => length === 0)) return false;
    if (this.admitted.length === 0 && !this.mayAdmit()) return false;
    const rooms = new Rooms(this.pools);
    const launch = (starts: Map<PlayedPool, number>) => {
      for (const [pool, count] of starts) this.start(pool, count);
    };
    this.admitted.offer((asked) => {
      const starts = rooms.claim(asked);
      if (starts) launch(starts);
      return starts !== null;
    });
    let hasMore = this.now === this.range.from;
    for (const waiting of this.queue)
      while (waiting.length > 0) {
        const first = waiting.at(0);
        const starts = first?.state === "queued" ? rooms.claim(first) : new Map<PlayedPool, number>();
        // Nobody passes what waits for more room.
        if (!first || !starts) return hasMore;
        waiting.shift();
        this.hasChanged = true;
        if (first.state !== "queued") continue;
        first.state = "admitted";
        this.admitted.add(first);
        launch(starts);
        hasMore = true;
      }
    return hasMore;
  }

  /** Whether what goes next could find room. */
  private mayAdmit(): boolean {
    const first = this.queue.find(({ length }) => length > 0)?.at(0);
    if (first?.state !== "queued") return true;
    return mayHold(first.parts, first.shape, first.pools, (pool) =>
      Math.max(pool.starting, pool.max - pool.nodes.length),
    );
  }

  /** At the beginning they are there already. */
  private start(pool: PlayedPool, count: number): void {
    if (count <= 0) return;
    const join = () => {
      this.watch(Array.from({ length: count }, () => pool.join(this.now)));
      this.hasChanged = true;
    };
    if (this.now === this.range.from) {
      join();
      return;
    }
    pool.starting += count;
    this.hasChanged = true;
    this.due.add(this.now + pool.of.startMs, () => {
      pool.starting -= count;
      join();
    });
  }

  /** They idle from now on. */
  private watch(nodes: readonly PlayedNode[]): void {
    const since = this.now;
    for (const [pool, idle] of groupBy(nodes, (node) => node.pool))
      this.due.add(since + pool.of.idleMs, () => {
        for (const node of idle) {
          if (node.parts > 0 || node.idleSince !== since) continue;
          this.overdue.get(pool)?.add(node);
          this.hasChanged = true;
        }
      });
  }

  /** Nodes without work leave when they idled long enough, or are too many; not while something waits for their pool. */
  private retire(): void {
    for (const pool of this.pools)
      for (const node of pool.count > pool.max && pool.idle > 0 ? [...pool.nodes] : [])
        if (node.parts === 0 && pool.count > pool.max) this.end(node);
    const { pools: awaited } = this.admitted;
    for (const [pool, nodes] of this.overdue)
      for (const node of awaited.has(pool) ? [] : nodes) if (pool.nodes.length > pool.min) this.end(node);
  }

  private end(node: PlayedNode): void {
    this.hasChanged = true;
    this.overdue.get(node.pool)?.delete(node);
    node.pool.leave(node, this.now);
    // One that was watched is not found idle again.
    node.idleSince = Number.NaN;
  }
}

const isOver = ({ state }: Asked) => state === "placed" || state === "left";

/** By the first number that differs. */
function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
