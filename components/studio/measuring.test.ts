import { describe, expect, it } from "vitest";
import type { Settings } from "@/server/studio/contract";
import type { StudioPartial } from "@/server/studio/session-contract";
import { type Measuring, type MeasuringEvent, reduce } from "./measuring";
import { NOTHING_CHANGED } from "./settings";

const at = (sparsity: number): Settings => ({ ...NOTHING_CHANGED, sparsity });
const accuracy = (rev: number, n: number, value: number): StudioPartial => ({
  type: "accuracy",
  rev,
  elapsedMs: 10,
  n,
  total: 10_000,
  accuracy: value,
  baselineAccuracy: 0.9,
  paired: { n, gained: 0, lost: 0, difference: 0, halfWidth: 0, mcnemarP: 1 },
  figures: [],
  perClass: [],
});
const play = (...events: MeasuringEvent[]) => events.reduce<Measuring | null>(reduce, null);
const line = (l: StudioPartial): MeasuringEvent => ({ type: "line", line: l });

describe("measuring", () => {
  it("never shows a line of an older revision under newer settings", () => {
    const state = play(
      { type: "asked", rev: 4, settings: at(0.3) },
      { type: "asked", rev: 5, settings: at(0.6) },
      line(accuracy(4, 10_000, 0.88)),
      line({ type: "done", rev: 4, elapsedMs: 9 }),
      { type: "broke", rev: 4, message: "aborted" },
    );
    expect(state).toEqual({ rev: 5, settings: at(0.6), state: "waiting", lines: {} });
  });

  it("does not go back to settings that were overtaken", () => {
    const state = play(
      { type: "asked", rev: 5, settings: at(0.6) },
      { type: "asked", rev: 4, settings: at(0.3) },
    );
    expect(state?.settings.sparsity).toBe(0.6);
  });

  it("sharpens as n grows and never takes fewer samples for news", () => {
    const state = play(
      { type: "asked", rev: 1, settings: at(0.3) },
      line(accuracy(1, 1_000, 0.85)),
      line(accuracy(1, 250, 0.8)),
    );
    expect(state?.lines.accuracy?.n).toBe(1_000);
  });

  it("keeps what was measured when another window takes over", () => {
    const state = play(
      { type: "asked", rev: 1, settings: at(0.3) },
      line(accuracy(1, 1_000, 0.85)),
      line({ type: "superseded", rev: 1, by: 9 }),
    );
    expect([state?.state, state?.lines.accuracy?.accuracy]).toEqual(["superseded", 0.85]);
  });
});
