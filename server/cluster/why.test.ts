/** What each that waits is told. */
import { describe, expect, it } from "vitest";
import { type Asker, Ground, holds, type Place, type PoolRoom, whyWaits } from "./why";

const size = { cpus: 4, gpus: 0 };
const place = (free: number, over: Partial<Place> = {}): Place => ({
  ...{ name: `cpu-${free}`, pool: "cpu", isOpen: true, size, free: { cpus: free, gpus: 0 } },
  ...over,
});
const pool = (over: Partial<PoolRoom> = {}): PoolRoom => ({
  ...{ name: "cpu", max: 2, nodes: 2, starting: 0, failed: null, size },
  ...over,
});
const asks = (cpus: number, count = 1, gpus = 0): Asker => ({
  kind: "run",
  shape: { cpus, gpus },
  count,
  queuePlace: null,
  isHeld: false,
});

describe("why something waits", () => {
  it.each<[string, Asker, Place[], PoolRoom[], string, RegExp, string[]]>([
    ["there is room", asks(2), [place(3)], [pool()], "fits", /about to start/, []],
    [
      "others go first",
      { ...asks(2), queuePlace: 3 },
      [place(3)],
      [pool()],
      "queue",
      /the 2 runs before it/,
      ["stop"],
    ],
    [
      "its team's budget is spent",
      { ...asks(2), isHeld: true },
      [place(3)],
      [pool()],
      "budget",
      /budget of the month is spent: it goes on when that is raised/,
      ["budget", "stop"],
    ],
    ["parts share a node", asks(2, 2), [place(4)], [pool()], "fits", /2 × 2 CPUs/, []],
    [
      "a part is larger than any node",
      asks(8),
      [place(4)],
      [pool()],
      "never",
      /one part needs 8 CPUs, and the largest node has 4 CPUs/,
      ["stop"],
    ],
    ["no pool has GPUs", asks(1, 1, 1), [place(4)], [pool()], "never", /Nothing will ever fit/, ["stop"]],
    ["there is nothing at all", asks(1), [], [], "never", /no pool and no node/, ["stop"]],
    [
      "a node is starting",
      asks(4),
      [place(1)],
      [pool({ nodes: 1, starting: 1 })],
      "starting",
      /cpu-1 comes closest with 1 CPU free\. 1 node of cpu is starting/,
      [],
    ],
    [
      "launches fail",
      asks(4),
      [],
      [pool({ nodes: 0, failed: { message: "no quota", retryInMs: 29_500 } })],
      "failed",
      /no node is up\. Starting a node of cpu failed: no quota\. It is tried again in 30 s/,
      ["stop"],
    ],
    ["a pool has room", asks(4), [place(1)], [pool({ max: 5 })], "room", /may start 3 nodes more/, []],
    [
      "it is the first in the queue",
      { ...asks(4), queuePlace: 1 },
      [place(1)],
      [pool({ nodes: 1, starting: 1 })],
      "limit",
      /may have 2 nodes, which are taken by what was let in before/,
      ["raise", "stop"],
    ],
    ["its pool is full", asks(4), [place(1)], [pool()], "limit", /limit of 2 nodes/, ["raise", "stop"]],
    [
      "some parts find no room",
      asks(4, 3),
      [place(4), place(1)],
      [pool()],
      "limit",
      /2 of them find no room/,
      ["raise", "stop"],
    ],
    [
      "a node without a pool is busy",
      asks(4),
      [place(1)],
      [],
      "limit",
      /waits for one to become free/,
      ["stop"],
    ],
    [
      "a cordoned node has room",
      asks(4),
      [place(4, { isOpen: false })],
      [pool()],
      "limit",
      /no node is up/,
      ["raise", "stop"],
    ],
  ])("%s", (_, asker, nodes, pools, cause, says, remedies) => {
    const why = whyWaits(asker, new Ground(nodes, pools));
    expect(why).toMatchObject({ cause, says: expect.stringMatching(says) });
    expect(why.remedies.map(({ kind }) => kind)).toEqual(remedies);
  });

  it("raises a limit to where all parts find room, two to a node", () => {
    const { remedies, missing } = whyWaits(asks(2, 5), new Ground([place(1)], [pool()]));
    expect(missing).toBe(5);
    expect(remedies[0]).toEqual({ kind: "raise", pool: "cpu", to: 5 });
  });

  it("counts fractions of CPUs without losing one to rounding", () => {
    expect(holds({ cpus: 0.1, gpus: 0 }, { cpus: 0.3, gpus: 0 })).toBe(3);
    expect(holds({ cpus: 0, gpus: 1 }, { cpus: 0, gpus: 2 })).toBe(2);
  });
});
