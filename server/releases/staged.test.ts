import { expect, test } from "vitest";
import { NOW } from "./lane-testing";
import { type Staged, stagedGate } from "./staged";

const HOUR_MS = 3_600_000;
const staged = (values: Partial<Staged>): Staged => ({
  since: new Date(NOW.getTime() - 9 * HOUR_MS),
  isServing: true,
  servedMs: 9 * HOUR_MS,
  requests: 100,
  errors: 0,
  isGivenUp: false,
  ...values,
});
const gate = (found: Staged | null) => stagedGate({ hours: 8, requests: 100 }, found, NOW);

test("what served staging for long enough, and was asked often enough there, passes", () => {
  expect(gate(staged({}))).toMatchObject({ state: "pass", blocks: false, value: "9 h, 100 requests" });
});

test("it passes by itself once the time is over, while it serves", () => {
  expect(gate(staged({ servedMs: 7 * HOUR_MS }))).toMatchObject({
    state: "fail",
    blocks: true,
    words: "It has served long enough in 60 min.",
    until: new Date(NOW.getTime() + HOUR_MS).toISOString(),
  });
});

test.each([
  ["It never served staging.", null],
  ["It does not serve staging any more.", staged({ servedMs: HOUR_MS, isServing: false })],
  ["It was asked 99 times in staging.", staged({ requests: 99 })],
  ["Its replicas in staging were given up.", staged({ isGivenUp: true })],
])("%s", (words, found) => {
  expect(gate(found)).toMatchObject({ state: "fail", blocks: true, words, until: null });
});
