/**
 * What of a cluster changed since a revision that somebody holds: only that travels. A revision names exactly what the
 * page showed then, and an answer is laid over what it was asked for, so that none can be late, doubled or lost. Pure.
 */
import { z } from "zod";

/** As `overview` and `changes` gave it. */
export const ChangesQuery = z.object({ since: z.string().min(1).max(60) });

/** A node with its place: the head first, then in the order in which they joined. */
export interface Placed {
  id: string;
  isHead: boolean;
  serial: number;
}

export interface Changes<Node, Rest> {
  revision: string;
  /** Those that joined or changed, whole. */
  nodes: Node[];
  /** Ids of those that left. */
  left: string[];
  /** What else differs, each part whole. */
  rest: Partial<Rest>;
}

/** What is held with what changed since. Nodes that did not change stay the same objects, so that nothing draws them anew. */
export function withChanges<Node extends Placed, Whole extends { revision: string; nodes: readonly Node[] }>(
  held: Whole,
  changes: Changes<Node, Omit<Whole, "revision" | "nodes">>,
): Whole & { nodes: readonly Node[] } {
  const { revision, rest } = changes;
  return { ...held, ...rest, revision, nodes: placed(held.nodes, changes) };
}

function placed<Node extends Placed>(
  held: readonly Node[],
  { nodes, left }: Pick<Changes<Node, unknown>, "nodes" | "left">,
): readonly Node[] {
  if (nodes.length + left.length === 0) return held;
  const gone = new Set(left);
  const told = new Map(nodes.map((node) => [node.id, node]));
  const kept = held.filter(({ id }) => !gone.has(id)).map((node) => told.get(node.id) ?? node);
  for (const { id } of kept) told.delete(id);
  return told.size === 0 ? kept : [...kept, ...told.values()].sort(byPlace);
}

export const byPlace = (a: Placed, b: Placed): number =>
  Number(b.isHead) - Number(a.isHead) || a.serial - b.serial;
