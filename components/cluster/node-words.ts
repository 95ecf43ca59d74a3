/** What a node is doing, in the one word and shape that map, table and sheet share. Pure. */
import type { State } from "@/components/ui/shape";

interface Doing {
  state: "active" | "idle" | "draining" | "gone";
  cordoned: boolean;
  wish: "cordon" | "drain" | null;
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

export function nodeSays({ state, cordoned, wish, endReason }: Doing): Said {
  if (state === "gone") return { key: "gone", ...GONE[endReason ?? "lost"] };
  if (wish === "drain")
    return { key: "draining", shape: "off", word: state === "draining" ? "draining" : "asked to drain" };
  // Whoever drains a node cordons it too.
  if (state === "draining") return { key: "draining", shape: "off", word: "draining" };
  if (wish === "cordon" || cordoned)
    return { key: "cordoned", shape: "off", word: cordoned ? "cordoned" : "asked to take no more" };
  return state === "active"
    ? { key: "active", shape: "running", word: "active" }
    : { key: "idle", shape: "ok", word: "idle" };
}

/** What was not told is never a zero. */
export const known = <T>(value: T | null, say: (value: T) => string): string =>
  value === null ? "not known" : say(value);

/** "12 of 64 GB": what is used where that is known, and of how much. */
export const usedOf = (used: number | null, of: number | null, say: (value: number) => string): string =>
  used === null && of === null ? "not known" : `${known(used, say)} of ${known(of, say)}`;
