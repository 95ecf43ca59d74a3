/** A replay in the address and in words. */
import { describe, expect, it } from "vitest";
import { whySays } from "@/components/trpc/why-words";
import { EditPool } from "@/server/cluster/contract";
import { poolPath, readLimits, writeLimits } from "./replay-address";
import { lineSays } from "./replay-words";
import type { Replay, ReplayFigures } from "./types";

const LIMITS = EditPool.parse({
  ...{ pool: "a&b", min: 1, max: 3, idleSeconds: 30, pricePerHour: 0.5 },
  schedule: { timeZone: "UTC", days: ["Mon"], from: "08:00", to: "18:00", min: 2, max: 3 },
});

describe("limits in an address", () => {
  it("come back as they were, and are nothing where they cannot be read", () => {
    expect(readLimits(writeLimits([LIMITS]))).toEqual([LIMITS]);
    for (const text of ["", "[", '[{"pool":"a"}]', JSON.stringify([{ ...LIMITS, min: 9 }])])
      expect(readLimits(text)).toEqual([]);
    const query = new URL(poolPath("team", LIMITS.pool, [LIMITS]), "http://x").searchParams;
    expect([query.get("pool"), readLimits(query.get("limits") ?? "")]).toEqual(["a&b", [LIMITS]]);
  });
});

describe("last week in a line", () => {
  const figures = (cost: number | null, total: number, refused = 0): ReplayFigures => ({
    ...{ nodeHours: 2, busyHours: 1, idleHours: 1, cost, busyCost: cost, idleCost: 0, nodesAtMost: 1 },
    ...{ demands: 1, refused, pools: [], course: [] },
    waited: { total, p50: 0, p95: 0, longest: 0, overMinute: 0, still: 0 },
  });
  const replay = (asIs: ReplayFigures, asWouldBe: ReplayFigures | null): Replay => ({
    ...{ range: { from: 0, to: 1 }, isWhole: true, starts: [], was: asIs, asIs, asWouldBe },
  });
  it.each([
    [
      figures(9.2, 720),
      figures(4.1, 180),
      /cost \$4\.10 instead of \$9\.20, .* waited 3 min instead of 12 min/,
    ],
    [figures(null, 0), figures(1, 0), /used 2\.0 instead of 2\.0 node hours/],
    [figures(1, 0), figures(1, 0, 2), /2 demands would never have fitted/],
  ])("%#", (asIs, asWouldBe, says) => {
    expect(lineSays(replay(asIs, asWouldBe))).toMatch(says);
    expect(lineSays(replay(asIs, null))).toBeNull();
  });
});

it("why something waits is the agent's word only once the console has handed it over", () => {
  const why = (cause: "fits" | "limit") => whySays({ why: { cause, says: "ours" }, message: "Ray's" });
  expect([why("fits"), why("limit")]).toEqual(["Ray's", "ours"]);
});
