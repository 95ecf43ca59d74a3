/** What a node is doing, in the one word and shape that map, table and sheet share. Pure. */
import { duration, plural } from "@/components/ui/format";
import type { State } from "@/components/ui/shape";
import type { ClusterOverview } from "./types";

interface Doing {
  state: "active" | "idle" | "draining" | "gone";
  cordoned: boolean;
  wish: "cordon" | "drain" | null;
  /** It was lost and came back again and again lately. */
  isFlapping?: boolean;
  endReason?: "idle" | "drained" | "preempted" | "lost" | null;
}

/** `key` is the name of its look in the map. */
export interface Said {
  key: "active" | "idle" | "draining" | "cordoned" | "gone";
  shape: State;
  word: string;
}

const GONE = {
  idle: { shape: "off", word: "left idle" },
  drained: { shape: "off", word: "left, drained" },
  preempted: { shape: "off", word: "left, preempted" },
  lost: { shape: "bad", word: "crashed" },
} as const;

export function nodeSays({ state, cordoned, wish, endReason, isFlapping = false }: Doing): Said {
  if (state === "gone") return { key: "gone", ...GONE[endReason ?? "lost"] };
  if (wish === "drain")
    return { key: "draining", shape: "off", word: state === "draining" ? "draining" : "asked to drain" };
  // Whoever drains a node cordons it too.
  if (state === "draining") return { key: "draining", shape: "off", word: "draining" };
  if (wish === "cordon" || cordoned)
    return { key: "cordoned", shape: "off", word: cordoned ? "cordoned" : "asked to take no more" };
  if (isFlapping) return { key: state, shape: "warning", word: `${state}, flapping` };
  return state === "active"
    ? { key: "active", shape: "running", word: "active" }
    : { key: "idle", shape: "ok", word: "idle" };
}

/** Nobody tells of the cluster now: what is shown of it is what was last seen. */
export const isOld = ({ agent, ray }: ClusterOverview["health"]): boolean =>
  agent === "away" || ray === "silent";

/** Launches that a provider refuses: how many, why, and when they are tried again. */
export function refusedSays(refused: {
  pool: string;
  count: number;
  message: string;
  retryInMs: number | null;
}): string {
  const { pool, count, message, retryInMs } = refused;
  const why = message.replace(/\.?$/, ".");
  const seconds = Math.ceil((retryInMs ?? 0) / 1000);
  const when = retryInMs === null ? "" : ` Tried again ${seconds > 0 ? `in ${duration(seconds)}` : "now"}.`;
  return `${plural(count, "launch", "launches")} of ${pool} failed: ${why}${when}`;
}

/** What was not told is never a zero. */
export const known = <T>(value: T | null, say: (value: T) => string): string =>
  value === null ? "not known" : say(value);

/** "12 of 64 GB": what is used where that is known, and of how much. */
export const usedOf = (used: number | null, of: number | null, say: (value: number) => string): string =>
  used === null && of === null ? "not known" : `${known(used, say)} of ${known(of, say)}`;
