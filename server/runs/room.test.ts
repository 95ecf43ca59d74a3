import { expect, it } from "vitest";
import { admissible, freeBeside, startsIn, workersOf } from "./room";

const one = { cpus: 1, gpus: 0 };
const NODES = [one, one, one, one];
const asks = (workers: number, cpus = 1, gpus = 0) => ({ resources: { workers, cpus, gpus } });
const name = (found: { resources: { workers: number } }[]) => found.map((w) => w.resources.workers);

it.each([
  ["lets in what fits, in order", [asks(1), asks(3), asks(2)], [1, 3]],
  ["never lets a small one pass a large one that waits", [asks(3), asks(2), asks(1)], [3]],
  ["passes what the whole cluster can never hold", [asks(5), asks(2)], [2]],
  ["passes workers larger than any node", [asks(1, 2), asks(1, 1, 1), asks(4)], [4]],
])("%s", (_, waiting, admitted) => {
  expect(name(admissible(NODES, [], waiting))).toEqual(admitted);
});

it("counts what is there already", () => {
  expect(name(admissible(NODES, workersOf(asks(2).resources), [asks(3), asks(1)]))).toEqual([]);
  expect(name(admissible(NODES, workersOf(asks(2).resources), [asks(2), asks(1)]))).toEqual([2]);
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
  expect(name(admissible([one], [], [asks(10, 0.1)]))).toEqual([10]);
});

it("foretells a start from who ends and who goes before", () => {
  const runs = [
    { workers: workersOf(asks(2).resources), endsIn: 60 },
    { workers: workersOf(asks(2).resources), endsIn: 30 },
  ];
  const waits = (workers: number, takes: number | null) => ({ ...asks(workers), takes });
  expect(startsIn(NODES, runs, [waits(2, 100)])).toBe(30);
  expect(startsIn(NODES, runs, [waits(4, 100)])).toBe(60);
  // The first starts at 30 and ends at 130; the second needs all four.
  expect(startsIn(NODES, runs, [waits(2, 100), waits(4, 1)])).toBe(130);
  expect(startsIn(NODES, runs, [waits(2, null), waits(4, 1)])).toBeNull();
  const stays = { workers: [one], endsIn: Number.POSITIVE_INFINITY };
  expect(startsIn(NODES, [stays], [waits(4, 1)])).toBeNull();
  expect(startsIn(NODES, [stays], [waits(3, 1)])).toBe(0);
});
