import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { downReason, matchScaleUp, newFailures, upReason } from "./ledger";

describe("reasons", () => {
  test("name who asks and for what", () => {
    const waiting = [
      { label: "run 12 (Recover garment-cls v2)", cpus: 2, gpus: 0 },
      { label: "the studio of garment-cls v3", cpus: 1, gpus: 1 },
    ];
    expect(upReason(waiting, { cpus: 3, gpus: 1 })).toBe(
      "2 CPUs for run 12 (Recover garment-cls v2); 1 CPU and 1 GPU for the studio of garment-cls v3; no node had them free",
    );
    expect(upReason([], { cpus: 0.5, gpus: 0 })).toBe("0.5 CPUs asked for, and no node had them free");
    expect(upReason([], { cpus: 0, gpus: 0 })).toBe("The pool keeps at least this many nodes");
  });

  test("tell idleness, a drain and a loss apart", () => {
    const nobody = { message: "", by: null };
    expect(downReason("local-cpu-2", "idle", 60, nobody)).toBe("local-cpu-2 had nothing to do for 60 s");
    expect(downReason("local-cpu-2", "drained", 60, { message: "its disk fails", by: "Mei" })).toBe(
      "local-cpu-2 was drained by Mei: its disk fails",
    );
    expect(downReason("local-cpu-2", "drained", 60, { ...nobody, message: "Drained" })).toBe(
      "local-cpu-2 was drained",
    );
    expect(downReason("local-cpu-2", "lost", 60, nobody)).toBe("local-cpu-2 was lost: it stopped answering");
  });
});

test("a launch that failed counts once, however long the autoscaler tells of it", () => {
  const failed = { pool: "gpu", count: 2, message: "no quota", retryInMs: 1_000 };
  expect(newFailures([], [failed])).toEqual([failed]);
  expect(newFailures([failed], [failed])).toEqual([]);
  expect(newFailures([failed], [{ ...failed, count: 3 }])).toEqual([{ ...failed, count: 1 }]);
  expect(newFailures([failed], [])).toEqual([]);
});

describe("matchScaleUp", () => {
  test("records a launch once, and its arrival on the same decision", () => {
    const nothing = { fulfil: [], withdraw: [], decide: null };
    expect(matchScaleUp([], [], 2, false)).toEqual({ ...nothing, decide: { requested: 2, achieved: [] } });
    const open = [{ id: 1, requested: 2, achieved: 0, failures: 0 }];
    expect(matchScaleUp(open, [], 2, true)).toEqual(nothing);
    expect(matchScaleUp(open, ["a"], 1, true)).toEqual({ ...nothing, fulfil: [{ id: 1, by: ["a"] }] });
  });

  test("what nothing is launched for any more is taken back, and the next launch is decided anew", () => {
    const open = { id: 1, requested: 1, achieved: 0, failures: 0 };
    const decide = { requested: 1, achieved: [] };
    expect(matchScaleUp([open], [], 1, false)).toEqual({ fulfil: [], withdraw: [1], decide });
    expect(matchScaleUp([open], ["a"], 0, false).withdraw).toEqual([]);
    expect(matchScaleUp([{ ...open, failures: 2 }], [], 1, false)).toMatchObject({
      withdraw: [],
      decide: null,
    });
  });

  test("every node that joins is on exactly one decision", () => {
    const decisions = fc.array(
      fc.record({ requested: fc.integer({ min: 1, max: 5 }), achieved: fc.integer({ min: 0, max: 4 }) }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(
        decisions,
        fc.integer({ min: 0, max: 8 }),
        fc.integer({ min: 0, max: 8 }),
        fc.boolean(),
        (all, joining, pending, wasLaunching) => {
          const open = all.flatMap((d, id) => (d.achieved < d.requested ? [{ id, failures: 0, ...d }] : []));
          const joined = Array.from({ length: joining }, (_, i) => `n${i}`);
          const { fulfil, decide } = matchScaleUp(open, joined, pending, wasLaunching);
          expect([...fulfil.flatMap((f) => f.by), ...(decide?.achieved ?? [])].sort()).toEqual(
            [...joined].sort(),
          );
          for (const { id, by } of fulfil) {
            const decision = open.find((d) => d.id === id);
            expect(by.length).toBeLessThanOrEqual((decision?.requested ?? 0) - (decision?.achieved ?? 0));
          }
        },
      ),
    );
  });
});
