import fc from "fast-check";
import { expect, it, test } from "vitest";
import { type Priority, RunResources } from "./contract";
import { RISES_AFTER_HOURS, rankOf } from "./queue-contract";
import { admissible, type Size, sized } from "./room";

it.each<[Priority, number, number]>([
  ["high", 0, 0],
  ["normal", RISES_AFTER_HOURS - 0.1, 1],
  ["normal", RISES_AFTER_HOURS, 0],
  ["low", RISES_AFTER_HOURS, 1],
  ["low", 2 * RISES_AFTER_HOURS, 0],
  ["low", 9 * RISES_AFTER_HOURS, 0],
])("%s after %d h has rank %d", (priority, hours, rank) => {
  expect(rankOf(priority, hours)).toBe(rank);
});

const ONE = { cpus: 1, gpus: 0 };
const NODES = Array.from({ length: 4 }, () => ONE);
/** Hours that a run takes at most. */
const LONGEST = 3;

interface Asked {
  askedAt: number;
  workers: number;
  priority: Priority;
  takes: number;
}
const workers = fc.integer({ min: 1, max: NODES.length });
const takes = fc.integer({ min: 1, max: LONGEST });
/** More than the cluster can do, hour after hour, and most of it urgent. */
const rush = fc.array(
  fc.array(
    fc.record({ workers, takes, priority: fc.constantFrom<Priority>("high", "high", "high", "normal") }),
    { minLength: 3, maxLength: 5 },
  ),
  { minLength: 20, maxLength: 20 },
);

/** The hour in which the run that asked first is let in; null where it never was. */
function letInAt(first: Asked, arrivals: readonly (readonly Omit<Asked, "askedAt">[])[]): number | null {
  let waiting: Asked[] = [first];
  let running: { ends: number; sizes: Size[] }[] = [];
  for (const [hour, come] of arrivals.entries()) {
    waiting.push(...come.map((one) => ({ ...one, askedAt: hour + 0.5 })));
    running = running.filter(({ ends }) => ends > hour);
    const inOrder = waiting
      .toSorted((a, b) => a.askedAt - b.askedAt)
      .toSorted((a, b) => rankOf(a.priority, hour - a.askedAt) - rankOf(b.priority, hour - b.askedAt))
      .map((run) => ({ run, resources: RunResources.parse({ workers: run.workers, ...ONE }) }));
    const taken = running.flatMap(({ sizes }) => sizes);
    for (const { run: found, workers } of admissible({ up: NODES, toStart: [], taken }, inOrder)) {
      if (found.run === first) return hour;
      waiting = waiting.filter((one) => one !== found.run);
      running.push({ ends: hour + found.run.takes, sizes: sized(workers, ONE) });
    }
  }
  return null;
}

test("nobody waits for ever: a run of low priority is let in, however much that is urgent keeps coming", () => {
  fc.assert(
    fc.property(workers, rush, (size, arrivals) => {
      const first: Asked = { askedAt: 0, workers: size, priority: "low", takes: 1 };
      // From then on it is the first of all, and nobody passes it while what runs ends.
      expect(letInAt(first, arrivals)).toBeLessThanOrEqual(2 * RISES_AFTER_HOURS + LONGEST);
    }),
  );
});
