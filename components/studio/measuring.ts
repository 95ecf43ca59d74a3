/** What is on screen of the measurement of the dials: a pure reducer, so that no old line can overwrite a newer one. */
import type { Measured, Settings, StudioPartial } from "@/server/studio/contract";

export interface Measuring {
  /** Of the newest settings that were asked for. */
  rev: number;
  settings: Settings;
  state: "waiting" | "measuring" | "done" | "superseded" | "failed";
  lines: Partial<Measured>;
  /** How far the scan is that the settings wait for. */
  scan?: { done: number; total: number; etaSeconds: number | null };
  /** Why it failed, or what took over. */
  message?: string;
}

export type MeasuringEvent =
  | { type: "asked"; rev: number; settings: Settings }
  | { type: "line"; line: StudioPartial }
  | { type: "broke"; rev: number; message: string };

export function reduce(state: Measuring | null, event: MeasuringEvent): Measuring | null {
  if (event.type === "asked") {
    // A revision that is not newer comes from a request that was overtaken.
    if (state && event.rev <= state.rev) return state;
    return { rev: event.rev, settings: event.settings, state: "waiting", lines: {} };
  }
  const rev = event.type === "line" ? event.line.rev : event.rev;
  if (!state || rev !== state.rev) return state;
  if (event.type === "broke") return { ...state, state: "failed", message: event.message };
  const { line } = event;
  switch (line.type) {
    case "scan":
      return { ...state, scan: { done: line.done, total: line.total, etaSeconds: line.etaSeconds } };
    case "built":
      return { ...state, state: "measuring", lines: { ...state.lines, built: line } };
    case "accuracy":
      // Samples are nested, so fewer of them can only be an older word.
      if ((state.lines.accuracy?.n ?? 0) > line.n) return state;
      return { ...state, state: "measuring", lines: { ...state.lines, accuracy: line } };
    case "latency":
      return { ...state, lines: { ...state.lines, latency: line } };
    case "sizes":
      return { ...state, lines: { ...state.lines, sizes: line } };
    case "done":
      return { ...state, state: "done" };
    case "superseded":
      return { ...state, state: "superseded", message: "another window measures in this session" };
    case "failed":
      return { ...state, state: "failed", message: line.message };
  }
}
