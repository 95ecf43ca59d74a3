import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { type Fit, RunResources } from "./contract";
import { admissible, fitOf, freeBeside, placesFor, type Size, sized, startsIn } from "./room";

const one = { cpus: 1, gpus: 0 };
const NODES = [one, one, one, one];
const asks = (workers: number, cpus = 1, gpus = 0, minWorkers = workers) => ({
  resources: RunResources.parse({ workers, cpus, gpus, minWorkers }),
});
const elastic = (minWorkers: number, workers: number) => asks(workers, 1, 0, minWorkers);
const letIn = (waiting: ReturnType<typeof asks>[], taken: Size[] = [], up: Size[] = NODES) =>
  admissible({ up, toStart: [], taken }, waiting).map(({ workers }) => workers);

it.each([
  ["lets in what fits, in order", [asks(1), asks(3), asks(2)], [1, 3]],
  ["never lets a small one pass a large one that waits", [asks(3), asks(2), asks(1)], [3]],
  ["passes what the whole cluster can never hold", [asks(5), asks(2)], [2]],
  ["passes workers larger than any node", [asks(1, 2), asks(1, 1, 1), asks(4)], [4]],
  ["lets an elastic run in with as many as fit", [asks(2), elastic(1, 3)], [2, 2]],
  ["and with its most at most", [elastic(1, 3), asks(1)], [3, 1]],
  ["but not below its minimum", [asks(3), elastic(2, 4), asks(1)], [3]],
  ["never holds an elastic run to more than its minimum", [elastic(4, 9)], [4]],
])("%s", (_, waiting, admitted) => {
  expect(letIn(waiting)).toEqual(admitted);
});

it("counts what is there already", () => {
  expect(letIn([asks(3), asks(1)], sized(2, one))).toEqual([]);
  expect(letIn([asks(2), asks(1)], sized(2, one))).toEqual([2]);
});

it("keeps a node with a GPU for whoever needs it, and adds tenths of CPUs exactly", () => {
  const mixed = [
    { cpus: 1, gpus: 1 },
    { cpus: 1, gpus: 0 },
  ];
  expect(freeBeside(mixed, [one])).toEqual([
    { cpus: 1, gpus: 1 },
    { cpus: 0, gpus: 0 },
  ]);
  expect(letIn([asks(10, 0.1)], [], [one])).toEqual([10]);
});

const size = fc.record({ cpus: fc.integer({ min: 1, max: 4 }), gpus: fc.integer({ min: 0, max: 2 }) });
test("whoever is let in has between its minimum and its most, and all of them fit together", () => {
  const run = fc
    .record({ workers: fc.integer({ min: 1, max: 5 }), less: fc.integer({ min: 0, max: 4 }), size })
    .map(({ workers, less, size: { cpus, gpus } }) => asks(workers, cpus, gpus, Math.max(1, workers - less)));
  fc.assert(
    fc.property(fc.array(size), fc.array(size), fc.array(run), (up, toStart, waiting) => {
      const admitted = admissible({ up, toStart, taken: [] }, waiting);
      let free: Size[] = [...up, ...toStart];
      for (const { run: found, workers } of admitted) {
        expect(workers).toBeGreaterThanOrEqual(found.resources.minWorkers);
        expect(workers).toBeLessThanOrEqual(found.resources.workers);
        expect(placesFor(free, found.resources)).toBeGreaterThanOrEqual(workers);
        free = freeBeside(free, sized(workers, found.resources));
      }
    }),
  );
});

it("foretells a start from who ends and who goes before", () => {
  const runs = [
    { workers: sized(2, one), endsIn: 60 },
    { workers: sized(2, one), endsIn: 30 },
  ];
  const waits = (workers: number, takes: number | null) => ({ ...asks(workers), takes });
  expect(startsIn(NODES, runs, [waits(2, 100)])).toBe(30);
  expect(startsIn(NODES, runs, [waits(4, 100)])).toBe(60);
  expect(startsIn(NODES, runs, [{ ...elastic(1, 4), takes: 1 }])).toBe(30);
  // The first starts at 30 and ends at 130; the second needs all four.
  expect(startsIn(NODES, runs, [waits(2, 100), waits(4, 1)])).toBe(130);
  expect(startsIn(NODES, runs, [waits(2, null), waits(4, 1)])).toBeNull();
  const stays = { workers: [one], endsIn: Number.POSITIVE_INFINITY };
  expect(startsIn(NODES, [stays], [waits(4, 1)])).toBeNull();
  expect(startsIn(NODES, [stays], [waits(3, 1)])).toBe(0);
});

describe("fitOf", () => {
  const big = { cpus: 8, gpus: 1 };
  const cases: [Fit["state"], ReturnType<typeof asks>, Size[], Size[], Size[], string][] = [
    ["now", asks(2), [one, one], [], [], "It fits: there is room for 2 such workers now."],
    ["now", asks(2, 0.5), [one], [], [], "It fits: there is room for 2 such workers now."],
    [
      "now",
      elastic(1, 3),
      [one, one],
      [],
      [one],
      "It fits: there is room for 1 such worker now. It starts with 1 and grows when there is room for more.",
    ],
    [
      "after_scaling",
      asks(2),
      [one, one],
      [one, one],
      [one, one],
      "There is no room now; 2 nodes would be started.",
    ],
    [
      "after_scaling",
      asks(2, 1, 1),
      [big],
      [
        { cpus: 8, gpus: 0 },
        { cpus: 8, gpus: 4 },
      ],
      [],
      "There is room for 1 such worker now; 1 node would be started.",
    ],
    [
      "waits",
      asks(2),
      [one, one],
      [],
      [one],
      "There is room for 1 such worker now, and no node is left to start. It waits until others end; choose fewer workers to start sooner.",
    ],
    [
      "never",
      asks(9),
      [one, one],
      [one, one],
      [one],
      "This cluster never holds more than 4 such workers: choose fewer, or smaller ones.",
    ],
    [
      "never",
      elastic(5, 9),
      NODES,
      [],
      [],
      "This cluster never holds more than 4 such workers: choose fewer, or smaller ones.",
    ],
  ];
  test.each(cases)("%s: %o", (state, { resources }, up, toStart, taken, says) => {
    expect(fitOf(resources, { up, toStart, taken })).toEqual({ state, says });
  });
});
