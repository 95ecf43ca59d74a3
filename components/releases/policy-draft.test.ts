import { expect, test } from "vitest";
import { DEFAULT_RULES, PolicyRules } from "@/server/releases/policy-contract";
import { draftOf, readDraft } from "./policy-draft";

const FULL = PolicyRules.parse({
  metrics: [
    { metric: "score", worseBy: 0.011, test: "bound", minSamples: 1000 },
    { metric: "mae", worseBy: 0.25, test: "point", minSamples: 0 },
  ],
  sizes: [{ measure: "file", limit: { kind: "ratio", atMost: 1.07 } }],
  latency: [{ batch: 64, limit: { kind: "absolute", atMost: 9.5 } }],
  classes: { worseBy: 0.033, minSamples: 50 },
  slices: { atLeast: 0.885, worseBy: null, test: "bound", minSamples: 40 },
  approvals: { count: 2, roles: ["operator"] },
  freeze: {
    timeZone: "Europe/Berlin",
    weekly: [{ days: ["fri"], from: "16:00", to: "24:00" }],
    dated: [{ from: "2026-12-20T00:00", to: "2027-01-04T08:00", why: "year's end" }],
  },
  bakeMinutes: 30,
  staging: { hours: 24, requests: 1000 },
});

test("what is shown and saved unchanged is the same policy, to the digit", () => {
  for (const rules of [DEFAULT_RULES, FULL])
    expect(readDraft("production", draftOf(rules)).rules).toEqual(rules);
});

test("what is wrong is said at its field", () => {
  const draft = draftOf(FULL);
  const [metric] = draft.metrics;
  const { rules, errors } = readDraft("production", {
    ...draft,
    metrics: metric ? [{ ...metric, worseBy: "a little" }] : [],
    latency: [{ batch: "64", kind: "ratio", atMost: "0" }],
    slices: { ...draft.slices, atLeast: "", worseBy: "" },
    approvals: { count: "0", roles: [] },
    freeze: { ...draft.freeze, timeZone: "Berlin", weekly: [{ days: [], from: "25:00", to: "06:00" }] },
  });
  expect(rules).toBeNull();
  expect(errors).toEqual({
    "metrics.0.worseBy": "enter a number",
    "latency.0.atMost": "enter more than 0",
    "slices.atLeast": "enter a floor, a largest loss, or both",
    "approvals.count": "at least one person approves",
    "freeze.timeZone": "enter an IANA time zone such as Europe/Berlin",
    "freeze.weekly.0.days": "choose a day",
    "freeze.weekly.0.from": "there is no such time",
  });
});
