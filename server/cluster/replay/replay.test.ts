/** What a replay of demands under given limits is held to. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Demand, figuresOf, type ReplayPool, thinned } from "./demand";
import { limitsOver } from "./hours";
import { replay, replaying } from "./replay";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const RANGE = { from: 0, to: 10 * HOUR };
const START = 30 * SECOND;

const pool = (over: Partial<ReplayPool> & { min?: number; max?: number } = {}): ReplayPool => {
  const { min = 0, max = 2, ...rest } = over;
  return {
    ...{ name: "cpu", size: { cpus: 4, gpus: 0 }, limits: [{ at: 0, min, max }] },
    ...{ idleMs: 60 * SECOND, startMs: START, pricePerHour: 1 },
    ...rest,
  };
};
const asks = (askedAt: number, runsMs: number, over: Partial<Demand> = {}): Demand => ({
  ...{ askedAt, runsMs, until: null, parts: 1, shape: { cpus: 4, gpus: 0 } },
  ...{ rank: 1, pool: null, isBound: false },
  ...over,
});
const play = (demands: Demand[], ...pools: ReplayPool[]) => replay(demands, pools, RANGE);
const nearly = (value: number) => expect.closeTo(value, 6);

describe("a replay", () => {
  it("gives way between any two moments, however much happens in all", () => {
    const playing = replaying(
      Array.from({ length: 50 }, (_, i) => asks((i + 1) * SECOND, HOUR, { parts: 2 })),
      [pool({ max: 4 })],
      RANGE,
    );
    let steps = 0;
    while (!playing.next().done) steps += 1;
    expect(steps).toBeGreaterThanOrEqual(50);
  });

  it("starts a node for what asks, and lets it go once it idled", () => {
    const played = play([asks(HOUR, HOUR)], pool());
    expect(played.waitedMs).toEqual([START]);
    expect(played.course).toEqual([
      { at: 0, nodes: 0 },
      { at: HOUR + START, nodes: 1 },
      { at: 2 * HOUR + START + 60 * SECOND, nodes: 0 },
    ]);
    expect(figuresOf(played)).toMatchObject({ busyHours: nearly(1), idleHours: nearly(1 / 60) });
  });

  it("keeps the least up, so that nothing waits for a start, and pays for it", () => {
    const played = play([asks(HOUR, HOUR)], pool({ min: 1 }));
    expect(played.waitedMs).toEqual([0]);
    expect(figuresOf(played)).toMatchObject({
      nodeHours: nearly(10),
      busyCost: nearly(1),
      idleCost: nearly(9),
    });
  });

  it("finds what ran already on its node", () => {
    const { waitedMs, course } = play([asks(0, HOUR)], pool());
    expect(waitedMs).toEqual([0]);
    expect(course[0]).toEqual({ at: 0, nodes: 1 });
  });

  it("lets trainings in strictly in order, and what never queues past them", () => {
    const small = { shape: { cpus: 1, gpus: 0 } };
    const one = pool({ min: 1, max: 1 });
    // Three of four CPUs are taken for an hour; the second wants four, the third would fit beside the first.
    const first = asks(HOUR, HOUR, { shape: { cpus: 3, gpus: 0 } });
    const queued = play([first, asks(HOUR + 1, HOUR), asks(HOUR + 2, HOUR, small)], one);
    expect(queued.waitedMs).toEqual([0, HOUR - 1, 2 * HOUR - 2]);
    const loose = play([first, asks(HOUR + 1, HOUR), asks(HOUR + 2, HOUR, { ...small, rank: null })], one);
    expect(loose.waitedMs).toEqual([0, 0, HOUR + 2 - 1]);
    const urgent = play([first, asks(HOUR + 1, HOUR), asks(HOUR + 2, HOUR, { rank: 0 })], one);
    expect(urgent.waitedMs).toEqual([0, HOUR - 2, 2 * HOUR - 1]);
  });

  it("begins all parts at once, and starts no node for what has to wait for others anyway", () => {
    const played = play([asks(HOUR, HOUR), asks(HOUR, HOUR, { parts: 3 })], pool({ max: 3 }));
    expect(played.waitedMs).toEqual([START, HOUR + 2 * START]);
    expect(played.nodesAtMost).toBe(3);
  });

  it("refuses what no node and no number of nodes can hold, and goes on", () => {
    const played = play(
      [asks(0, HOUR, { shape: { cpus: 5, gpus: 0 } }), asks(0, HOUR, { parts: 3 }), asks(0, HOUR)],
      pool(),
    );
    expect(played).toMatchObject({ refused: 2, waitedMs: [0] });
  });

  it("counts what still waits, and what left before it had room", () => {
    const full = [asks(0, Number.POSITIVE_INFINITY, { parts: 2 })];
    const played = play([...full, asks(HOUR, HOUR, { until: 2 * HOUR }), asks(8 * HOUR, HOUR)], pool());
    expect(played.waitedMs).toEqual([0, HOUR, 2 * HOUR]);
    expect(played.stillWaiting).toBe(1);
  });

  it("takes a node without GPUs for what needs none, unless it ran elsewhere", () => {
    const gpu = pool({ name: "gpu", size: { cpus: 8, gpus: 1 }, pricePerHour: 0.5 });
    const usedBy = (demand: Demand) =>
      play([demand], gpu, pool()).pools.find(({ busyMs }) => busyMs > 0)?.name;
    expect(usedBy(asks(HOUR, HOUR))).toBe("cpu");
    expect(usedBy(asks(HOUR, HOUR, { pool: "gpu" }))).toBe("gpu");
    expect(usedBy(asks(HOUR, HOUR, { shape: { cpus: 1, gpus: 1 } }))).toBe("gpu");
  });

  it("follows the hours of a pool: nodes come before anybody asks, and leave when they are over", () => {
    const limits = [
      { at: 0, min: 0, max: 2 },
      { at: 2 * HOUR, min: 2, max: 2 },
      { at: 4 * HOUR, min: 0, max: 0 },
    ];
    const { course, waitedMs } = play([asks(3 * HOUR, 2 * HOUR)], pool({ limits }));
    expect(waitedMs).toEqual([0]);
    expect(course).toEqual([
      { at: 0, nodes: 0 },
      { at: 2 * HOUR + START, nodes: 2 },
      { at: 4 * HOUR, nodes: 1 },
      // What has work ends it first.
      { at: 5 * HOUR, nodes: 0 },
    ]);
  });
});

const CASES = fc.array(
  fc.record({
    askedAt: fc.integer({ min: 1, max: 8 * HOUR }),
    runsMs: fc.integer({ min: 1, max: 2 * HOUR }),
    cpus: fc.integer({ min: 1, max: 4 }),
    parts: fc.integer({ min: 1, max: 3 }),
    rank: fc.constantFrom(0 as const, 1 as const, 2 as const, null),
  }),
  { maxLength: 40 },
);

describe("whatever asked", () => {
  it("the parts sum to the whole, and all that asked is counted once", () => {
    fc.assert(
      fc.property(CASES, fc.integer({ min: 1, max: 4 }), (cases, max) => {
        const demands = cases.map(({ cpus, ...one }) => asks(0, 0, { ...one, shape: { cpus, gpus: 0 } }));
        const played = play(demands, pool({ min: 1, max }), pool({ name: "other", max: 1, pricePerHour: 3 }));
        const { pools, refused, demands: counted, ...whole } = figuresOf(played);
        expect(refused + counted).toBe(demands.length);
        expect(whole.busyHours + whole.idleHours).toBeCloseTo(whole.nodeHours, 6);
        expect((whole.busyCost ?? 0) + (whole.idleCost ?? 0)).toBeCloseTo(whole.cost ?? -1, 6);
        expect(pools.reduce((sum, { nodeHours }) => sum + nodeHours, 0)).toBeCloseTo(whole.nodeHours, 6);
        expect(pools.reduce((sum, { cost }) => sum + (cost ?? 0), 0)).toBeCloseTo(whole.cost ?? -1, 6);
        expect(whole.nodesAtMost).toBeLessThanOrEqual(max + 1);
        // The chart's area is the nodes' time.
        const area = played.course.reduce(
          (sum, { at, nodes }, i) => sum + nodes * ((played.course[i + 1]?.at ?? RANGE.to) - at),
          0,
        );
        expect(area / HOUR).toBeCloseTo(whole.nodeHours, 6);
      }),
    );
  });

  /**
   * More nodes may make one wait that waited for nobody, since the node that was busy then has idled away: so long as a
   * start takes. No longer, where all parts are alike, one a demand; parts of several shapes may lie in each other's
   * way on more nodes as well (Graham, Bounds on multiprocessing timing anomalies, 1969).
   */
  it("under a greater max, none of parts that are alike waits longer by more than a start", () => {
    fc.assert(
      fc.property(
        CASES,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        (cases, max, more) => {
          const alike = cases
            .map(({ askedAt, runsMs }) => asks(askedAt, runsMs, { shape: { cpus: 2, gpus: 0 } }))
            .sort((a, b) => a.askedAt - b.askedAt);
          const [few, many] = [play(alike, pool({ max })), play(alike, pool({ max: max + more }))];
          // Strictly in order, so that the n-th to begin is the n-th that asked.
          for (const [i, waited] of many.waitedMs.entries())
            expect(waited).toBeLessThanOrEqual((few.waitedMs[i] ?? 0) + START);
        },
      ),
      { numRuns: 300 },
    );
  });
});

it("a chart keeps a short peak", () => {
  const course = [
    { at: 0, nodes: 1 },
    { at: HOUR + 1, nodes: 9 },
    { at: HOUR + 2, nodes: 2 },
  ];
  expect(thinned(course, RANGE, 5).map(({ nodes }) => nodes)).toEqual([9, 2, 2, 2, 2]);
});

it("limits change with the hours of a place, also where its clocks are put forward", () => {
  const hours = {
    timeZone: "Europe/Berlin",
    days: ["Sat", "Sun", "Mon"] as const,
    from: "08:30",
    to: "18:00",
  };
  const range = { from: Date.parse("2026-03-28T00:00:00Z"), to: Date.parse("2026-03-29T23:00:00Z") };
  const limits = limitsOver({ ...hours, days: [...hours.days], min: 2, max: 3 }, { min: 0, max: 1 }, range);
  expect(limits.map(({ at, min }) => [new Date(at).toISOString().slice(8, 16), min])).toEqual([
    ["28T00:00", 0],
    ["28T07:30", 2],
    ["28T17:00", 0],
    ["29T06:30", 2],
    ["29T16:00", 0],
  ]);
});
