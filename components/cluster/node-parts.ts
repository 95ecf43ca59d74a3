/** The map's nodes in parts that are drawn anew one after the other, so that no frame draws a thousand. Pure. */

/** So many cells take what they use in one frame. */
const PART = 125;
/** Of more nodes each part has more: as many frames as a second has room for. */
const PARTS_AT_MOST = 40;

export interface Part<Node> {
  /** The same while nodes come and go elsewhere. */
  key: string;
  pool: string;
  nodes: readonly Node[];
}

/** Each node once, in order, with others of its pool. */
export function partsOf<Node extends { pool: string }>(nodes: readonly Node[]): Part<Node>[] {
  const size = Math.max(PART, Math.ceil(nodes.length / PARTS_AT_MOST));
  const pools = new Map<string, Node[]>();
  for (const node of nodes) {
    const pool = pools.get(node.pool);
    if (pool) pool.push(node);
    else pools.set(node.pool, [node]);
  }
  return [...pools].flatMap(([pool, all]) =>
    Array.from({ length: Math.ceil(all.length / size) }, (_, place) => ({
      key: `${pool} ${place}`,
      pool,
      nodes: all.slice(place * size, (place + 1) * size),
    })),
  );
}

/** What draws frames; a browser's window. */
interface Frames {
  requestAnimationFrame(draw: () => void): number;
  cancelAnimationFrame(frame: number): void;
}

/**
 * Gives each part its turn in a frame of its own, going round from the one after the last. Answers how to stop.
 *
 * @param last the part that had the last turn; it is kept up to date
 */
export function takeTurns(
  parts: number,
  last: { current: number },
  take: (part: number) => void,
  frames: Frames,
): () => void {
  let left = parts;
  let frame = 0;
  const next = () => {
    if (left === 0) return;
    left -= 1;
    last.current = (last.current + 1) % parts;
    take(last.current);
    frame = frames.requestAnimationFrame(next);
  };
  frame = frames.requestAnimationFrame(next);
  return () => frames.cancelAnimationFrame(frame);
}
