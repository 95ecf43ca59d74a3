/**
 * Plays demands of the past under given limits, as a discrete-event simulation: pure.
 *
 * It is let in and placed as the product does it: trainings and scripts strictly in order once all of their parts find
 * room on nodes that are up or may be started, everything else at once; parts of one demand begin together, on the oldest
 * nodes that have room. Nodes are started for what was let in, and leave when they idle. Nothing fails, and what runs on
 * nodes takes as long as it did.
 */
import { holds } from "../why";
import type { Demand, Played, Range, ReplayPool } from "./demand";
import { Heap } from "./heap";
import { mayHold, type PlayedNode, PlayedPool, placesFor, type Taken } from "./pool";
import { Rooms } from "./rooms";

interface Asked {
  demand: Demand;
  parts: number;
  shape: Demand["shape"];
  /** Where it may go, the first choice first. */
  pools: readonly PlayedPool[];
  /** The same for all that ask for one shape of one kind of place. */
  key: string;
  state: "queued" | "admitted" | "placed" | "left";
}

export function replay(demands: readonly Demand[], pools: readonly ReplayPool[], range: Range): Played {
  return new Replay(pools, range).play(demands);
}

class Replay {
  private now: number;
  private readonly due = new Heap<() => void>();
  private readonly pools: PlayedPool[];
  /** By rank; the first of the first that is not empty goes next. */
  private readonly queue: Asked[][] = [[], [], []];
  /** Let in, and without a place yet. */
  private admitted: Asked[] = [];
  private readonly overdue = new Set<PlayedNode>();
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
    for (const pool of this.pools)
      for (const { at, min, max } of pool.of.limits)
        this.due.add(at, () => Object.assign(pool, { min, max }));
  }

  play(demands: readonly Demand[]): Played {
    const { to } = this.range;
    const arriving = [...demands].sort((a, b) => a.askedAt - b.askedAt);
    let next = 0;
    const nextAt = () => Math.min(arriving[next]?.askedAt ?? Number.POSITIVE_INFINITY, this.due.nextAt);
    while (nextAt() < to) {
      this.now = Math.max(this.now, nextAt());
      while (this.due.nextAt <= this.now) this.due.take()?.();
      for (let one = arriving[next]; one && one.askedAt <= this.now; one = arriving[next]) {
        next += 1;
        this.ask(one);
      }
      this.settle();
    }
    const waiting = [...this.queue.flat(), ...this.admitted].filter((one) => !isOver(one));
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
    (rank === null ? this.admitted : this.queue[rank])?.push(asked);
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
    asked.state = "left";
    this.waitedMs.push(this.now - asked.demand.askedAt);
  }

  /** Everything that follows from what happened at one moment. */
  private settle(): void {
    this.place();
    if (this.look()) this.place();
    this.retire();
    const nodes = this.pools.reduce((sum, pool) => sum + pool.nodes.length, 0);
    if (this.course.at(-1)?.nodes !== nodes) this.course.push({ at: this.now, nodes });
    this.nodesAtMost = Math.max(this.nodesAtMost, nodes);
  }

  private place(): void {
    if (this.admitted.length === 0) return;
    const unmet = new Unmet();
    this.admitted = this.admitted.filter((asked) => {
      if (asked.state !== "admitted") return false;
      if (unmet.has(asked)) return true;
      const places = placesFor(asked.parts, asked.shape, asked.pools);
      if (places) this.begin(asked, places);
      else unmet.add(asked);
      return !places;
    });
  }

  private begin(asked: Asked, places: Taken): void {
    const { askedAt, runsMs, until } = asked.demand;
    asked.state = "placed";
    this.waitedMs.push(this.now - askedAt);
    for (const [node, parts] of places) node.pool.take(node, parts, asked.shape, this.now);
    const ends = Math.min(this.now + runsMs, until ?? Number.POSITIVE_INFINITY);
    if (ends >= this.range.to) return;
    this.due.add(ends, () => {
      for (const [node, parts] of places) {
        node.pool.give(node, parts, asked.shape, this.now);
        if (node.parts === 0) this.watch(node);
      }
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
    const unmet = new Unmet();
    for (const asked of this.admitted) {
      if (unmet.has(asked)) continue;
      const starts = rooms.claim(asked);
      if (starts) launch(starts);
      else unmet.add(asked);
    }
    let hasMore = this.now === this.range.from;
    for (const waiting of this.queue)
      while (waiting.length > 0) {
        const [first] = waiting;
        const starts = first?.state === "queued" ? rooms.claim(first) : new Map<PlayedPool, number>();
        // Nobody passes what waits for more room.
        if (!first || !starts) return hasMore;
        waiting.shift();
        if (first.state !== "queued") continue;
        first.state = "admitted";
        this.admitted.push(first);
        launch(starts);
        hasMore = true;
      }
    return hasMore;
  }

  /** Whether what goes next could find room. */
  private mayAdmit(): boolean {
    const first = this.queue.find(({ length }) => length > 0)?.[0];
    if (first?.state !== "queued") return true;
    return mayHold(first.parts, first.shape, first.pools, (pool) =>
      Math.max(pool.starting, pool.max - pool.nodes.length),
    );
  }

  /** At the beginning they are there already. */
  private start(pool: PlayedPool, count: number): void {
    const { startMs } = pool.of;
    for (let i = 0; i < count; i += 1) {
      if (this.now === this.range.from) {
        this.watch(pool.join(this.now));
        continue;
      }
      pool.starting += 1;
      this.due.add(this.now + startMs, () => {
        pool.starting -= 1;
        this.watch(pool.join(this.now));
      });
    }
  }

  private watch(node: PlayedNode): void {
    const since = node.idleSince;
    this.due.add(this.now + node.pool.of.idleMs, () => {
      if (node.parts === 0 && node.idleSince === since) this.overdue.add(node);
    });
  }

  /** Nodes without work leave when they idled long enough, or are too many; not while something waits for their pool. */
  private retire(): void {
    for (const pool of this.pools)
      for (const node of pool.count > pool.max ? pool.nodes.filter(({ parts }) => parts === 0) : [])
        if (pool.count > pool.max) this.end(node);
    if (this.overdue.size === 0) return;
    const awaited = new Set(this.admitted.flatMap(({ pools }) => pools));
    for (const node of this.overdue) {
      const { pool } = node;
      if (node.parts > 0) this.overdue.delete(node);
      else if (pool.nodes.length > pool.min && !awaited.has(pool)) this.end(node);
    }
  }

  private end(node: PlayedNode): void {
    this.overdue.delete(node);
    node.pool.leave(node, this.now);
    // One that was watched is not found idle again.
    node.idleSince = Number.NaN;
  }
}

/** What found no room at one moment: no more of the same finds it then. */
class Unmet {
  private readonly parts = new Map<string, number>();

  has({ key, parts }: Asked): boolean {
    return parts >= (this.parts.get(key) ?? Number.POSITIVE_INFINITY);
  }

  add({ key, parts }: Asked): void {
    this.parts.set(key, parts);
  }
}

const isOver = ({ state }: Asked) => state === "placed" || state === "left";

/** By the first number that differs. */
function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
