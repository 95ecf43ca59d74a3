/** What the cluster's screens work out before they draw. */
import { describe, expect, it } from "vitest";
import type { Schedule } from "@/server/cluster/schedule-contract";
import { achievedSays, decisionSays, failureSays } from "./decision-words";
import { neighbour } from "./node-grid";
import { partsOf, takeTurns } from "./node-parts";
import { known, nodeSays, refusedSays, usedOf } from "./node-words";
import { issueAt, readPool } from "./pool-form";
import { appliedSays, costsSay, poolChanges } from "./pool-preview";
import { usageSeries, withGaps } from "./usage-series";
import { shortSays } from "./why-words";

const UP = { state: "active", cordoned: false, wish: null } as const;

describe("a node's word", () => {
  it.each([
    [UP, "active", "active"],
    [{ ...UP, state: "idle" }, "idle", "idle"],
    [{ ...UP, wish: "drain" }, "draining", "asked to drain"],
    [{ ...UP, wish: "drain", state: "draining", cordoned: true }, "draining", "draining"],
    [{ ...UP, state: "draining", cordoned: true }, "draining", "draining"],
    [{ ...UP, wish: "cordon" }, "cordoned", "asked to take no more"],
    [{ ...UP, wish: "cordon", cordoned: true }, "cordoned", "cordoned"],
    [{ ...UP, isFlapping: true }, "active", "active, flapping"],
    [{ ...UP, isFlapping: true, wish: "drain" }, "draining", "asked to drain"],
    [{ ...UP, state: "gone", endReason: "lost" }, "gone", "crashed"],
    [{ ...UP, state: "gone", endReason: "drained", wish: "drain" }, "gone", "left, drained"],
    [{ ...UP, state: "gone", endReason: "preempted" }, "gone", "left, preempted"],
    [{ ...UP, state: "gone", endReason: "idle" }, "gone", "left idle"],
  ] as const)("%o is %s: %s", (node, key, word) => {
    expect(nodeSays(node)).toMatchObject({ key, word });
  });

  it("is never a zero where nothing was told", () => {
    expect(known(null, String)).toBe("not known");
    expect(known(0, String)).toBe("0");
    expect(usedOf(null, 8, String)).toBe("not known of 8");
    expect(usedOf(null, null, String)).toBe("not known");
  });
});

it("launches that are refused are one sentence with their number, cause and next try", () => {
  const refused = { pool: "gpu", count: 12, message: "no capacity", retryInMs: 290_000 };
  expect(refusedSays(refused)).toBe("12 launches of gpu failed: no capacity. Tried again in 4 min 50 s.");
  expect(refusedSays({ ...refused, count: 1, retryInMs: 0 })).toBe(
    "1 launch of gpu failed: no capacity. Tried again now.",
  );
  expect(refusedSays({ ...refused, retryInMs: null })).toBe("12 launches of gpu failed: no capacity.");
});

describe("what is typed of a pool", () => {
  it("is told to be no number in words, and by the field that it is in", () => {
    const typed = { min: "7", max: "many", idleSeconds: "60", pricePerHour: "", preemptible: false };
    const hours = { timeZone: "UTC", days: [], from: "", to: "", min: "", max: "" };
    const read = readPool("gpu", { ...typed, hasHours: false, hours });
    expect(issueAt(read, ["max"])).toBe("a number is needed");
    expect(issueAt(read, ["min"])).toBeUndefined();
  });
});

describe("what is short", () => {
  it.each([
    [[], null],
    [[{ cpus: 1, gpus: 0 }], "1 CPU short"],
    [
      [
        { cpus: 1.5, gpus: 0 },
        { cpus: 8, gpus: 8 },
      ],
      "9.5 CPUs and 8 GPUs short",
    ],
  ])("of %o is %s", (waiting, says) => {
    expect(shortSays(waiting)).toBe(says);
  });
});

describe("a course of what was used", () => {
  const point = (seconds: number, mean: number) => ({ at: seconds * 1000, mean, peak: mean + 1 });
  it("stops where nothing was heard, and goes on after", () => {
    const { x, mean, peak } = withGaps([point(0, 1), point(60, 2), point(300, 3)], 60);
    expect(x).toEqual([0, 60_000, 120_000, 300_000]);
    expect(mean).toEqual([1, 2, null, 3]);
    expect(peak).toEqual([2, 3, null, 4]);
  });
  it("is a line for each GPU, and for the rest its mean beside its peak", () => {
    const points = [point(0, 1)];
    const labels = (courses: Parameters<typeof usageSeries>[0]) =>
      usageSeries(courses, 60).map(({ label }) => label);
    expect(labels([0, 1].map((gpu) => ({ metric: "gpu", gpu, points })))).toEqual(["GPU 0", "GPU 1"]);
    expect(labels([{ metric: "cpu", gpu: null, points }])).toEqual(["mean", "peak"]);
  });
});

describe("arrow keys in the map", () => {
  // Two pools: rows of 3, 1 and 2 cells.
  const places = [
    [0, 0],
    [16, 0],
    [32, 0],
    [0, 16],
    [0, 60],
    [16, 60],
  ].map(([x = 0, y = 0]) => ({ x, y }));
  it.each([
    [0, "ArrowRight", 1],
    [0, "ArrowLeft", null],
    [5, "ArrowRight", null],
    [2, "ArrowDown", 3],
    [3, "ArrowDown", 4],
    [5, "ArrowUp", 3],
    [1, "ArrowUp", null],
    [2, "End", 5],
    [2, "Home", 0],
    [2, "Enter", null],
  ])("%i %s leads to %s", (from, key, to) => {
    expect(neighbour(places, from, key)).toBe(to);
  });
});

describe("a decision's outcome", () => {
  const NOW = 1_000_000;
  const up: Parameters<typeof achievedSays>[0] = {
    ...{
      requested: 5,
      achieved: 3,
      achievedSeconds: 42,
      failures: 0,
      failure: null,
      retryAt: null,
      withdrawnAt: null,
    },
    ...{ direction: "up", cause: "demand" },
  };
  it("tells how many came, and once all are there how long it took", () => {
    expect(achievedSays(up)).toBe("3 of 5");
    expect(achievedSays({ ...up, withdrawnAt: new Date(NOW) })).toBe("3 of 5, taken back");
    expect(achievedSays({ ...up, achieved: 5 })).toBe("5 in 42 s");
    expect(achievedSays({ ...up, direction: "down" })).toBe("");
  });
  it("of a node that comes and goes is neither more nor fewer", () => {
    const of = { pool: "gpu", nodes: ["gpu-7"] };
    expect(decisionSays({ ...up, ...of, requested: 1, cause: "flapping" })).toBe("▲▼ gpu-7");
    expect(decisionSays({ ...up, ...of })).toBe("▲ +5 gpu");
    expect(achievedSays({ ...up, achieved: 5, cause: "flapping" })).toBe("");
  });
  it("tells of failed launches, and when they are tried again", () => {
    const failed = { ...up, failures: 2, failure: "No quota.", retryAt: new Date(NOW + 30_000) };
    expect(failureSays(up, NOW)).toBeNull();
    expect(failureSays(failed, NOW)).toBe("2 launches failed: No quota; tried again in 30 s.");
    expect(failureSays(failed, NOW + 60_000)).toBe("2 launches failed: No quota.");
    expect(failureSays({ ...failed, achieved: 5 }, NOW)).toBe(
      "2 launches failed: No quota; it came true after all.",
    );
  });
});

describe("an edit of a pool", () => {
  const now = {
    ...{ nodes: 4, min: 0, max: 6, idleSeconds: 60, pricePerHour: 0.5, preemptible: false },
    schedule: null,
  };
  const hours: Schedule = {
    ...{ timeZone: "UTC", days: ["Mon", "Tue"], from: "08:00", to: "18:00", min: 2, max: 8 },
  };
  it.each([
    [{}, []],
    [{ min: 6 }, [/2 nodes start at once/]],
    [{ min: 4 }, [/4 nodes of those that are up stay without work/]],
    [{ min: 1 }, [/1 node of those that are up stays without work/]],
    [{ max: 8 }, [/Up to 2 nodes more/]],
    [{ max: 3 }, [/1 idle node leaves; it is refused where they have work/]],
    [{ max: 5 }, [/No node that is up has to leave/]],
    [{ idleSeconds: 30 }, [/after 30 s without work instead of 1 min/]],
    [{ pricePerHour: null }, [/those that left keep theirs/]],
    [{ preemptible: true }, [/counts as preempted/]],
    [{ schedule: hours }, [/^Mon, Tue, 08:00 to 18:00 in UTC: 2 to 8 nodes; at any other time 0 to 6/]],
  ] as const)("%o", (edit, says) => {
    expect(poolChanges(now, { ...now, ...edit })).toEqual(says.map((one) => expect.stringMatching(one)));
  });
  it("says what it reaches: the running cluster, or not the autoscaler that another has of its own", () => {
    expect(appliedSays(true)).toMatch(/within seconds, without a restart/);
    expect(appliedSays(false)).toMatch(/an autoscaler of its own: set the same limits there/);
  });
  it("says what it costs at most, and that it is not known without a price", () => {
    expect(costsSay(now)).toBe("at most $3.00 an hour, and $0.00 a week without work");
    // 20 of the week's hours with two nodes, 148 with one.
    expect(costsSay({ ...now, min: 1, schedule: hours })).toBe(
      "at most $4.00 an hour, and $94.00 a week without work",
    );
    expect(costsSay({ ...now, pricePerHour: null })).toContain("not known");
  });
});

describe("the parts of the map", () => {
  const nodes = Array.from({ length: 1_000 }, (_, id) => ({ id, pool: id % 3 ? "a" : "b" }));
  it("hold each node once, in order, and keep their names while nodes leave", () => {
    const parts = partsOf(nodes);
    for (const pool of ["a", "b"])
      expect(parts.filter((part) => part.pool === pool).flatMap((part) => part.nodes)).toEqual(
        nodes.filter((node) => node.pool === pool),
      );
    expect(Math.max(...parts.map((part) => part.nodes.length))).toBe(125);
    const keys = parts.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys).toEqual(expect.arrayContaining(partsOf(nodes.slice(300)).map(({ key }) => key)));
    const many = Array.from({ length: 10_000 }, (_, id) => ({ id, pool: "a" }));
    expect(partsOf(many)).toHaveLength(40);
  });

  it("take turns, one in each frame, and each gets one though what is new comes before the round is over", () => {
    const due: (() => void)[] = [];
    const frames = {
      requestAnimationFrame: (draw: () => void) => due.push(draw),
      cancelAnimationFrame: () => void due.splice(0),
    };
    const last = { current: 0 };
    const taken: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const stop = takeTurns(8, last, (part) => taken.push(part), frames);
      for (let frame = 0; frame < 3; frame += 1) {
        expect(due).toHaveLength(1);
        due.shift()?.();
      }
      stop();
    }
    expect(taken).toEqual([1, 2, 3, 4, 5, 6, 7, 0, 1]);
    takeTurns(8, last, (part) => taken.push(part), frames);
    while (due.length > 0) due.shift()?.();
    expect(taken.slice(9)).toEqual([2, 3, 4, 5, 6, 7, 0, 1]);
  });
});
