import { expect, it } from "vitest";
import type { TriedBatch } from "@/server/models/contract";
import { batchWords, stateOf } from "./batch-words";

const passed: TriedBatch = {
  verdict: "passed",
  n: 64,
  task: "classification",
  wanted: { name: "x", dtype: "float32", shape: [null, 1, 28, 28] },
  fed: { name: "x", dtype: "float32", shape: [64, 1, 28, 28], min: 0, max: 1 },
  outputs: [{ name: "scores", dtype: "float32", shape: [64, 10] }],
  finite: true,
  score: 57 / 64,
  commonest: { label: 1, share: 9 / 64 },
  ms: 12.345,
  problems: [],
};
const nothing = { fed: null, outputs: [], finite: null, score: null, commonest: null, ms: null };

it("tells the figure of a batch that passed, what went in and what came out", () => {
  expect(stateOf(passed)).toBe("ok");
  expect(batchWords(passed, ["top", "coat"])).toEqual({
    figure: "Accuracy 89.06%",
    size: "64 samples, 12.3 ms",
    detail:
      "Fed 64×1×28×28 float32 from 0 to 1.00. Answered scores, 64×10 float32, all finite. Commonest answer: coat, 14.1%.",
  });
  expect(batchWords(passed, []).detail).toContain("Commonest answer: class 1,");
  expect(batchWords({ ...passed, task: "unlabelled", score: null }, []).figure).toBe("answered");
});

it("tells what is wrong, where, and how to mend it, in place of the facts", () => {
  const problem = { rule: "input.dtype", message: "It takes uint8.", where: "input 'x'", remedy: "Cast." };
  const failed = { ...passed, ...nothing, verdict: "failed" as const, n: 0, problems: [problem] };
  expect(stateOf(failed)).toBe("bad");
  expect(batchWords(failed, [])).toEqual({
    figure: "no sample answered",
    size: null,
    detail: "It takes uint8. Found at input 'x'. Cast.",
  });
});
