/** Where the nodes of a graph are drawn: one rank below what they read, branches side by side, skips in a gutter. */
import type { GraphNode } from "@/server/models/contract";

export const NODE = { width: 188, height: 26 };
const ROW = 44;
const LANE = NODE.width + 20;
const GUTTER = 12;
const MARGIN = 12;
/** Skips beyond this many at once share the last gutter. */
const MAX_GUTTERS = 24;

export interface PlacedNode {
  name: string;
  op: string;
  layer: string | null;
  /** Drawn for an input of the model, which no node makes. */
  isInput: boolean;
  rank: number;
  lane: number;
  x: number;
  y: number;
  /** Indexes of placed nodes. */
  from: number[];
  to: number[];
}

export interface PlacedEdge {
  from: number;
  to: number;
  /** A skip over one rank or more, routed beside the nodes. */
  isSkip: boolean;
  top: number;
  bottom: number;
  path: string;
}

export interface Layout {
  nodes: PlacedNode[];
  edges: PlacedEdge[];
  width: number;
  height: number;
}

/** Lays out nodes that come in topological order; an edge from a node that was cut off is left out. */
export function layout(nodes: readonly GraphNode[]): Layout {
  const placed: PlacedNode[] = [];
  const makers = new Map<string, number>();
  const place = (node: Pick<PlacedNode, "name" | "op" | "layer" | "isInput">, from: number[]) => {
    const rank = from.reduce((deepest, index) => Math.max(deepest, (placed[index]?.rank ?? 0) + 1), 0);
    placed.push({ ...node, rank, lane: 0, x: 0, y: 0, from, to: [] });
    for (const index of from) placed[index]?.to.push(placed.length - 1);
  };
  const made = new Set(nodes.flatMap((node) => node.outputs));
  for (const name of new Set(nodes.flatMap((node) => node.inputs))) {
    if (made.has(name)) continue;
    makers.set(name, placed.length);
    place({ name, op: "input", layer: null, isInput: true }, []);
  }
  for (const { name, op, layer, inputs, outputs } of nodes) {
    const from = inputs.flatMap((tensor) => makers.get(tensor) ?? []);
    for (const tensor of outputs) makers.set(tensor, placed.length);
    place({ name, op, layer, isInput: false }, [...new Set(from)]);
  }
  const lanes = chooseLanes(placed);
  for (const node of placed) {
    node.x = MARGIN + node.lane * LANE;
    node.y = MARGIN + node.rank * ROW;
  }
  const { edges, gutters } = route(placed, lanes);
  const ranks = placed.reduce((most, node) => Math.max(most, node.rank + 1), 0);
  return {
    nodes: placed,
    edges,
    width: 2 * MARGIN + lanes * LANE + gutters * GUTTER,
    height: 2 * MARGIN + ranks * ROW,
  };
}

/** A node keeps the lane of its deepest input where that is free, so the longest path is straight. */
function chooseLanes(placed: PlacedNode[]): number {
  const taken = new Map<number, Set<number>>();
  const order = placed
    .map((_, index) => index)
    .sort((a, b) => rankOf(placed, a) - rankOf(placed, b) || a - b);
  let lanes = 1;
  for (const index of order) {
    const node = placed[index];
    if (!node) continue;
    const used = taken.get(node.rank) ?? new Set<number>();
    const wanted = node.from.reduce<PlacedNode | undefined>((deepest, at) => {
      const input = placed[at];
      return input && (!deepest || input.rank > deepest.rank) ? input : deepest;
    }, undefined)?.lane;
    let lane = wanted ?? 0;
    if (used.has(lane)) for (lane = 0; used.has(lane); ) lane += 1;
    node.lane = lane;
    used.add(lane);
    taken.set(node.rank, used);
    lanes = Math.max(lanes, lane + 1);
  }
  return lanes;
}

const rankOf = (placed: readonly PlacedNode[], index: number): number => placed[index]?.rank ?? 0;

/** Lines between neighbouring ranks; a skip runs down a gutter that no other skip uses there. */
function route(placed: readonly PlacedNode[], lanes: number): { edges: PlacedEdge[]; gutters: number } {
  const busyUntil: number[] = [];
  const edges: PlacedEdge[] = [];
  const sources = placed.map((_, index) => index).sort((a, b) => rankOf(placed, a) - rankOf(placed, b));
  for (const from of sources) {
    const source = placed[from];
    if (!source) continue;
    const skips = source.to.filter((to) => rankOf(placed, to) > source.rank + 1);
    const last = skips.reduce((most, to) => Math.max(most, rankOf(placed, to)), 0);
    let gutter = -1;
    if (skips.length > 0) {
      gutter = busyUntil.findIndex((until) => until <= source.rank);
      if (gutter < 0) gutter = Math.min(busyUntil.length, MAX_GUTTERS - 1);
      busyUntil[gutter] = Math.max(busyUntil[gutter] ?? 0, last);
    }
    for (const to of source.to) {
      const target = placed[to];
      if (!target) continue;
      const isSkip = target.rank > source.rank + 1;
      const [x0, x1] = [source.x + NODE.width / 2, target.x + NODE.width / 2];
      const [top, bottom] = [source.y + NODE.height, target.y];
      const half = (ROW - NODE.height) / 2;
      const x = MARGIN + lanes * LANE + (gutter + 0.5) * GUTTER;
      const path = isSkip
        ? `M${x0 + 24} ${top}v${half}H${x}V${bottom - half}H${x1 + 24}v${half}`
        : x0 === x1
          ? `M${x0} ${top}V${bottom}`
          : `M${x0} ${top}v${half}H${x1}v${half}`;
      edges.push({ from, to, isSkip, top, bottom, path });
    }
  }
  return { edges, gutters: busyUntil.length };
}

/** The node that an arrow key leads to; the same where there is none that way. */
export function neighbour({ nodes }: Layout, at: number, key: string): number {
  const node = nodes[at];
  if (!node) return at;
  const nearest = (indexes: readonly number[]) =>
    indexes.toSorted(
      (a, b) => Math.abs((nodes[a]?.lane ?? 0) - node.lane) - Math.abs((nodes[b]?.lane ?? 0) - node.lane),
    )[0] ?? at;
  const beside = (side: number) =>
    nodes.findIndex((other) => other.rank === node.rank && other.lane === node.lane + side);
  if (key === "ArrowUp") return nearest(node.from);
  if (key === "ArrowDown") return nearest(node.to);
  if (key === "Home") return 0;
  if (key === "End") return nodes.length - 1;
  const side = key === "ArrowLeft" ? beside(-1) : key === "ArrowRight" ? beside(1) : at;
  return side < 0 ? at : side;
}
