/** What is on screen of the measurement of the dials: a pure reducer, so that no old line can overwrite a newer one. */
import { duration, percent } from "@/components/ui/format";
import type { Settings } from "@/server/studio/contract";
import type { Measured, StudioPartial } from "@/server/studio/session-contract";

export type Work = Pick<Extract<StudioPartial, { type: "work" }>, "what" | "done" | "total" | "etaSeconds">;

export interface Measuring {
  /** Of the newest settings that were asked for. */
  rev: number;
  settings: Settings;
  state: "waiting" | "measuring" | "done" | "superseded" | "failed";
  lines: Partial<Measured>;
  /** How far the work is that the settings wait for. */
  work?: Work;
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
    case "work":
      return { ...state, work: line };
    case "tried":
    case "settled":
      // Of a search, which has a state of its own.
      return state;
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
    case "changed":
      return { ...state, lines: { ...state.lines, changed: line } };
    case "done":
      return { ...state, state: "done" };
    case "superseded":
      return { ...state, state: "superseded", message: "another window measures in this session" };
    case "failed":
      return { ...state, state: "failed", message: line.message };
  }
}

const DOING: Record<Work["what"], string> = { scan: "scanning layers", recovery: "recovering" };

/** "scanning layers, 45%, 6 s left". */
export function workSays({ what, done, total, etaSeconds }: Work): string {
  const left = etaSeconds === null ? "" : `, ${duration(Math.ceil(etaSeconds))} left`;
  return `${DOING[what]}, ${percent(total ? done / total : 0, 0)}${left}`;
}
