/** Why something waits for a place on the cluster, and what would help: pure, in the words of every screen. */
import { resourcesSay } from "./ledger";

export interface Shape {
  cpus: number;
  gpus: number;
}

/** What asks for a place: `count` parts of one shape, each of which must fit on one node. */
export interface Asker {
  kind: "run" | "session" | "replica";
  shape: Shape;
  count: number;
  /** Its place in the console's queue, from 1; null for what is let in. */
  queuePlace: number | null;
  /** Its team's budget is spent, so it has no place. */
  isHeld: boolean;
}

export interface Place {
  name: string;
  pool: string;
  /** It takes new work. */
  isOpen: boolean;
  size: Shape;
  free: Shape;
}

export interface PoolRoom {
  name: string;
  max: number;
  /** Nodes that are up and stay, and those under way. */
  nodes: number;
  starting: number;
  failed: { message: string; retryInMs: number | null } | null;
  size: Shape;
}

export type Remedy =
  /** `to`: the max at which all parts would find room. */
  { kind: "raise"; pool: string; to: number } | { kind: "budget" } | { kind: "stop" };

export interface Why {
  cause: "never" | "budget" | "starting" | "failed" | "room" | "limit" | "queue" | "fits";
  /** One sentence or two: what is missing, and what it waits for. */
  says: string;
  /** The node that comes closest; null where no node is up. */
  nearest: { name: string; free: Shape } | null;
  /** Parts that find no room on the nodes that are up. */
  missing: number;
  remedies: Remedy[];
}

/** Sums of fractions of CPUs. */
const SLACK = 1e-6;
const fits = (part: Shape, room: Shape) => part.cpus <= room.cpus + SLACK && part.gpus <= room.gpus + SLACK;

/** How many of one shape find room beside each other. */
export function holds(part: Shape, room: Shape): number {
  if (!fits(part, room)) return 0;
  const of = (wanted: number, has: number) =>
    wanted > 0 ? Math.floor((has + SLACK) / wanted) : Number.POSITIVE_INFINITY;
  return Math.min(of(part.cpus, room.cpus), of(part.gpus, room.gpus));
}

/** 0 to 1: how much of each of the shape's resources a node has free, by the one that is shortest. */
function closeness(part: Shape, { free }: Place): number {
  const share = (wanted: number, has: number) => (wanted > 0 ? Math.min(1, Math.max(0, has) / wanted) : 1);
  return Math.min(share(part.cpus, free.cpus), share(part.gpus, free.gpus));
}

interface Room {
  nearest: Why["nearest"];
  /** Parts that find no room beside each other. */
  missing: number;
  /** A node that is up is large enough for one part, whatever is free of it. */
  couldFit: boolean;
}

/** Where there may be room, and what each shape finds there: worked out once, however many ask for the same. */
export class Ground {
  private readonly open: readonly Place[];
  private readonly rooms = new Map<string, Room>();
  /** The most that one node has or would have of each; null where there is no node and no pool. */
  readonly largest: Shape | null;

  constructor(
    nodes: readonly Place[],
    readonly pools: readonly PoolRoom[],
  ) {
    this.open = nodes.filter(({ isOpen }) => isOpen);
    const sizes = [...nodes, ...pools].map(({ size }) => size);
    const most = (of: keyof Shape) => sizes.reduce((max, size) => Math.max(max, size[of]), 0);
    this.largest = sizes.length === 0 ? null : { cpus: most("cpus"), gpus: most("gpus") };
  }

  roomFor(part: Shape, count: number): Room {
    const key = `${part.cpus} ${part.gpus} ${count}`;
    const room = this.rooms.get(key) ?? this.look(part, count);
    this.rooms.set(key, room);
    return room;
  }

  private look(part: Shape, count: number): Room {
    const placed = this.open.reduce((sum, { free }) => sum + Math.min(count, holds(part, free)), 0);
    return {
      nearest: nearestOf(part, this.open),
      missing: Math.max(0, count - placed),
      couldFit: this.open.some(({ size }) => fits(part, size)),
    };
  }
}

function nearestOf(part: Shape, open: readonly Place[]): Why["nearest"] {
  let best: Place | null = null;
  let most = -1;
  for (const place of open) {
    const close = closeness(part, place);
    if (close > most) [best, most] = [place, close];
  }
  return best && { name: best.name, free: best.free };
}

const nodesSay = (count: number) => `${count} ${count === 1 ? "node" : "nodes"}`;

export function whyWaits(asker: Asker, ground: Ground): Why {
  const { shape, count } = asker;
  const { couldFit, ...base } = ground.roomFor(shape, count);
  const { nearest, missing } = base;
  const wants = `${count > 1 ? `${count} × ` : ""}${resourcesSay(shape)}`;
  const fitting = ground.pools.filter(({ size }) => fits(shape, size));
  if (fitting.length === 0 && !couldFit)
    return {
      ...base,
      cause: "never",
      says: neverSays(shape, wants, ground.largest),
      remedies: [{ kind: "stop" }],
    };
  if (asker.isHeld)
    return {
      ...base,
      cause: "budget",
      says: `Wants ${wants}. Its team's budget of the month is spent: it goes on when that is raised, or with the next month.`,
      remedies: [{ kind: "budget" }, { kind: "stop" }],
    };
  const before = (asker.queuePlace ?? 1) - 1;
  if (before > 0)
    return { ...base, cause: "queue", says: queueSays(wants, before), remedies: [{ kind: "stop" }] };
  if (missing === 0)
    return {
      ...base,
      cause: "fits",
      says: `Wants ${wants}, and so much is free: it is about to start.`,
      remedies: [],
    };
  const need = `Wants ${wants}; ${shortSays(missing, count, nearest, shape)}`;
  const says = (rest: string) => `${need} ${rest}`;
  // What starts in front of the queue is spoken for by those that were let in.
  const hope = asker.queuePlace === null ? hopeOf(fitting, says) : null;
  return { ...base, ...(hope ?? limitOf(asker, missing, fitting, says)) };
}

type Answer = Pick<Why, "cause" | "says" | "remedies">;

/** What will bring room without anybody's doing, or what keeps it from it; the nearest first. */
function hopeOf(fitting: readonly PoolRoom[], says: (rest: string) => string): Answer | null {
  const starting = fitting.find((pool) => pool.starting > 0);
  if (starting)
    return {
      cause: "starting",
      says: says(
        `${nodesSay(starting.starting)} of ${starting.name} ${starting.starting === 1 ? "is" : "are"} starting.`,
      ),
      remedies: [],
    };
  const failed = fitting.find((pool) => pool.failed);
  if (failed?.failed) {
    const { message, retryInMs } = failed.failed;
    const seconds = Math.ceil((retryInMs ?? 0) / 1000);
    const when = seconds > 0 ? `in ${seconds} s` : "now";
    const again = retryInMs === null ? "" : ` It is tried again ${when}.`;
    return {
      cause: "failed",
      says: says(`Starting a node of ${failed.name} failed: ${message.replace(/\.?$/, ".")}${again}`),
      remedies: [{ kind: "stop" }],
    };
  }
  const withRoom = fitting.find(({ max, nodes }) => nodes < max);
  if (withRoom)
    return {
      cause: "room",
      says: says(
        `${withRoom.name} may start ${nodesSay(withRoom.max - withRoom.nodes)} more; the autoscaler looks again every second.`,
      ),
      remedies: [],
    };
  return null;
}

/** What has to be changed, or to end, before there is room. */
function limitOf(
  { shape }: Asker,
  missing: number,
  fitting: readonly PoolRoom[],
  says: (rest: string) => string,
): Answer {
  const full = fitting[0];
  if (!full)
    return {
      cause: "limit",
      says: says("No pool may start such a node; it waits for one to become free."),
      remedies: [{ kind: "stop" }],
    };
  const more = Math.ceil(missing / Math.max(1, holds(shape, full.size)));
  return {
    cause: "limit",
    says: says(
      full.nodes >= full.max
        ? `${full.name} is at its limit of ${nodesSay(full.max)}.`
        : `${full.name} may have ${nodesSay(full.max)}, which are taken by what was let in before.`,
    ),
    remedies: [
      { kind: "raise", pool: full.name, to: Math.max(full.max, full.nodes) + more },
      { kind: "stop" },
    ],
  };
}

function shortSays(missing: number, count: number, nearest: Why["nearest"], shape: Shape): string {
  const who = count > 1 && missing < count ? `${missing} of them find no room` : "no node has room";
  if (!nearest) return "no node is up.";
  const free = resourcesSay({ cpus: nearest.free.cpus, gpus: shape.gpus > 0 ? nearest.free.gpus : 0 });
  return `${who}: ${nearest.name} comes closest with ${free} free.`;
}

const queueSays = (wants: string, before: number) =>
  `Wants ${wants}, after ${before === 1 ? "the run" : `the ${before} runs`} before it in the queue.`;

function neverSays(shape: Shape, wants: string, largest: Shape | null): string {
  if (!largest) return `Wants ${wants}, and the cluster has no pool and no node.`;
  return `Wants ${wants}. Nothing will ever fit: one part needs ${resourcesSay(shape)}, and the largest node has ${resourcesSay(largest)}. Ask for smaller parts.`;
}
