/** What is on screen of a search for a target: its path so far, and how it ended. */
import type { StudioPartial, StudioTried, Target } from "@/server/studio/session-contract";
import type { Work } from "./measuring";

export interface Search {
  rev: number;
  target: Target;
  state: "searching" | "measuring" | "done" | "ended" | "failed";
  tried: readonly StudioTried[];
  /** What the next step waits for. */
  work?: Work | undefined;
  /** Why it ended without settings. */
  message?: string;
}

export type SearchEvent =
  | { type: "asked"; rev: number; target: Target }
  | { type: "line"; line: StudioPartial }
  | { type: "ended"; rev: number }
  | { type: "broke"; rev: number; message: string };

export function reduceSearch(state: Search | null, event: SearchEvent): Search | null {
  if (event.type === "asked") return { rev: event.rev, target: event.target, state: "searching", tried: [] };
  const rev = event.type === "line" ? event.line.rev : event.rev;
  if (!state || rev !== state.rev) return state;
  if (event.type === "broke") return { ...state, state: "failed", work: undefined, message: event.message };
  if (event.type === "ended") return isOver(state) ? state : { ...state, state: "ended", work: undefined };
  const { line } = event;
  switch (line.type) {
    case "work":
      return { ...state, work: line };
    case "tried":
      return { ...state, tried: [...state.tried, line], work: undefined };
    case "settled":
      return { ...state, state: "measuring", work: undefined };
    case "done":
      return { ...state, state: "done" };
    case "superseded":
      return { ...state, state: "ended", work: undefined };
    case "failed":
      return { ...state, state: "failed", work: undefined, message: line.message };
    default:
      return state;
  }
}

export const isOver = ({ state }: Search): boolean => state !== "searching" && state !== "measuring";
