import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { RunResources } from "./contract";
import { type Elastic, grow, NODES_SECONDS, SETTLED_SECONDS, STEADY_SECONDS } from "./growth";
import { freeBeside, placesFor, type Size, sized } from "./room";

const one = { cpus: 1, gpus: 0 };
const nodes = (count: number): Size[] => sized(count, one);
const asks = (minWorkers: number, workers: number) =>
  RunResources.parse({ minWorkers, workers, cpus: 1, gpus: 0 });
/** Runs with 1 of 1 to 4 workers, and has waited long enough to grow to 3. */
const DUE: Elastic = {
  runId: "a",
  resources: asks(1, 4),
  workers: 1,
  growTo: 3,
  growSeconds: STEADY_SECONDS,
  ranSeconds: SETTLED_SECONDS,
  hasCheckpoint: true,
};
const UP = { up: nodes(3), toStart: [], taken: nodes(1) };

describe("grow", () => {
  it.each([
    ["asks once there was room for a while", DUE, UP, [{ runId: "a", act: "ask", workers: 3 }]],
    ["not before", { ...DUE, growSeconds: STEADY_SECONDS - 1 }, UP, []],
    ["not soon after it began", { ...DUE, ranSeconds: SETTLED_SECONDS - 1 }, UP, []],
    ["not without a checkpoint of this attempt", { ...DUE, hasCheckpoint: false }, UP, []],
    ["holds nodes first", { ...DUE, growTo: null }, UP, [{ runId: "a", act: "hold", workers: 3 }]],
    [
      "begins to wait anew when the room changes",
      { ...DUE, growTo: 2 },
      UP,
      [{ runId: "a", act: "hold", workers: 3 }],
    ],
    ["waits for nodes that start", DUE, { ...UP, up: nodes(2), toStart: nodes(1) }, []],
    [
      "grows onto those that came when the last does not",
      { ...DUE, growSeconds: NODES_SECONDS },
      { ...UP, up: nodes(2), toStart: nodes(1) },
      [{ runId: "a", act: "ask", workers: 2 }],
    ],
    ["forgets room that is gone", DUE, { ...UP, taken: nodes(3) }, [{ runId: "a", act: "forget" }]],
    ["says nothing where there is none", { ...DUE, growTo: null }, { ...UP, taken: nodes(3) }, []],
  ] as const)("%s", (_, running, room, growths) => {
    expect(grow([running], room, [])).toEqual(growths);
  });

  it("leaves the room to whoever waits, unless the cluster can never hold them", () => {
    const waits = (workers: number) => [{ resources: asks(workers, workers) }];
    expect(grow([DUE], UP, waits(3))).toEqual([{ runId: "a", act: "forget" }]);
    expect(grow([DUE], UP, waits(4))).toEqual([{ runId: "a", act: "ask", workers: 3 }]);
  });
});

test("nobody grows beyond its most, and all who grow fit together beside the others", () => {
  const run = fc
    .record({
      workers: fc.integer({ min: 1, max: 3 }),
      more: fc.integer({ min: 1, max: 3 }),
      growTo: fc.option(fc.integer({ min: 2, max: 6 })),
      growSeconds: fc.constantFrom(0, STEADY_SECONDS, NODES_SECONDS),
    })
    .map(({ workers, more, ...rest }) => ({
      ...DUE,
      ...rest,
      workers,
      resources: asks(1, workers + more),
    }));
  const few = fc.integer({ min: 0, max: 6 });
  fc.assert(
    fc.property(few, few, fc.array(run, { maxLength: 4 }), (up, toStart, found) => {
      const running = found.map((each, at) => ({ ...each, runId: String(at) }));
      const taken = running.flatMap(({ workers }) => nodes(workers));
      let free = freeBeside(nodes(up), taken);
      for (const growth of grow(running, { up: nodes(up), toStart: nodes(toStart), taken }, [])) {
        if (growth.act === "forget") continue;
        const has = running[Number(growth.runId)];
        if (!has) throw new Error("a run that is not there");
        expect(growth.workers).toBeGreaterThan(has.workers);
        expect(growth.workers).toBeLessThanOrEqual(has.resources.workers);
        if (growth.act !== "ask") continue;
        expect(placesFor(free, one)).toBeGreaterThanOrEqual(growth.workers - has.workers);
        free = freeBeside(free, nodes(growth.workers - has.workers));
      }
    }),
  );
});
