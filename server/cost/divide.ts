/**
 * What nodes cost, divided among what ran on them: pure. Money is whole millionths of a dollar and time whole
 * milliseconds, so that the shares of a node are its cost to the last of them; what nobody took is idle.
 */
import { groupBy } from "../platform/group-by";

/** A time in which a node was up, Unix ms. */
export interface Piece {
  node: string;
  pool: string;
  cpus: number;
  gpus: number;
  /** $; null is not known. */
  pricePerHour: number | null;
  from: number;
  until: number;
}

/** A time in which something held a part of a node, Unix ms. */
export interface Taking {
  kind: string;
  work: string;
  teamId: string;
  node: string;
  cpus: number;
  gpus: number;
  from: number;
  until: number;
}

export interface Share {
  pool: string;
  kind: string;
  work: string;
  teamId: string;
  /** Millionths of a dollar. */
  micros: number;
  /** Of whole nodes, and of those without a price. */
  nodeMs: number;
  unpricedMs: number;
}

const HOUR_MS = 3_600_000;
const MICROS = 1_000_000;
const IDLE = { kind: "idle", work: "", teamId: "" } as const;

/** What a node cost in a time, in millionths of a dollar. */
export const costOfPiece = ({ pricePerHour, from, until }: Piece): number =>
  Math.round(((pricePerHour ?? 0) * (until - from) * MICROS) / HOUR_MS);

/**
 * Shares of pieces that are cut to `window`, one for each pool and work. A work takes of a node whatever it needs most
 * of; where works together want more than there is, all take proportionally less.
 */
export function divide(
  pieces: readonly Piece[],
  takings: readonly Taking[],
  window: { from: number; until: number },
): Share[] {
  const on = groupBy(takings, ({ node }) => node);
  const shares = new Map<string, Share>();
  for (const whole of pieces) {
    const piece = cut(whole, window);
    if (piece.from >= piece.until) continue;
    const here = (on.get(piece.node) ?? []).map((taking) => cut(taking, piece));
    const left = { micros: costOfPiece(piece), nodeMs: piece.until - piece.from };
    const { micros, nodeMs } = left;
    const give = (to: Pick<Taking, "kind" | "work" | "teamId">, part: typeof left) => {
      left.micros -= part.micros;
      left.nodeMs -= part.nodeMs;
      add(shares, piece, to, part);
    };
    for (const { taking, ms } of takenOf(piece, here).values()) {
      const part = ms / nodeMs;
      give(taking, {
        micros: Math.min(left.micros, Math.round(micros * part)),
        nodeMs: Math.min(left.nodeMs, Math.round(ms)),
      });
    }
    give(IDLE, { ...left });
  }
  return [...shares.values()].filter(({ nodeMs, micros }) => nodeMs > 0 || micros > 0);
}

const cut = <T extends { from: number; until: number }>(
  one: T,
  window: { from: number; until: number },
): T => ({
  ...one,
  from: Math.max(one.from, window.from),
  until: Math.min(one.until, window.until),
});

/** A node is taken by whatever it has least of. */
const wantOf = (taking: Taking, node: Piece): number =>
  Math.min(
    1,
    Math.max(node.cpus > 0 ? taking.cpus / node.cpus : 0, node.gpus > 0 ? taking.gpus / node.gpus : 0),
  );

/**
 * Milliseconds of the whole node that each work took. One that wants all of a node has had `share` of it so far, which
 * grows as time goes, more slowly while works together want more than there is; each work has had its part of what was
 * added while it was there.
 */
function takenOf(piece: Piece, here: readonly Taking[]): Map<string, { taking: Taking; ms: number }> {
  const taken = new Map<string, { taking: Taking; ms: number }>();
  const changes = here
    .filter(({ from, until }) => from < until)
    .flatMap((taking) => [
      { at: taking.from, taking, sign: 1 },
      { at: taking.until, taking, sign: -1 },
    ])
    .sort((a, b) => a.at - b.at);
  let [since, wanted, share] = [piece.from, 0, 0];
  for (const { at, taking, sign } of changes) {
    share += (at - since) / Math.max(1, wanted);
    since = at;
    const want = wantOf(taking, piece);
    wanted += sign * want;
    const key = `${taking.kind} ${taking.work}`;
    const known = taken.get(key) ?? { taking, ms: 0 };
    known.ms -= sign * want * share;
    taken.set(key, known);
  }
  return taken;
}

function add(
  shares: Map<string, Share>,
  { pool, pricePerHour }: Piece,
  { kind, work, teamId }: Pick<Taking, "kind" | "work" | "teamId">,
  part: { micros: number; nodeMs: number },
): void {
  const key = JSON.stringify([pool, kind, work]);
  const share = shares.get(key) ?? { pool, kind, work, teamId, micros: 0, nodeMs: 0, unpricedMs: 0 };
  share.micros += part.micros;
  share.nodeMs += part.nodeMs;
  if (pricePerHour === null) share.unpricedMs += part.nodeMs;
  shares.set(key, share);
}
