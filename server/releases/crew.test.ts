import { describe, expect, test } from "vitest";
import { ENDS_WINDOW_MS, MOST_ENDS, planCrew } from "./crew";
import type { CrashLoop, LaneReplica } from "./lane";
import { ago, at, lane, NOW, preparing, release, replica, serving } from "./lane-testing";
import { plan } from "./plan";
import { alone, wantedRouting } from "./routing";

const REVISION = release(1, 1, { ...serving, createdAt: ago(9000) });
const SCALING = { min: 1, max: 4, target: 8, idleMinutes: 15 };
const START = { type: "start_replica", versionId: "v1" };
const crew = (replicas: LaneReplica[], count = 1, crashLoops: CrashLoop[] = []) =>
  planCrew(lane([REVISION], replicas, null, { crashLoops }), "v1", count, NOW);
const ended = (id: string, secondsAgo: number, message = "") =>
  replica(id, 1, {
    state: "failed",
    isDesired: false,
    createdAt: ago(secondsAgo + 0.5),
    endedAt: ago(secondsAgo),
    message,
  });
const ends = (...secondsAgo: number[]) => secondsAgo.map((s, i) => ended(`r${i}`, s, `cause ${s}`));
const loop = (values: Partial<CrashLoop> = {}): CrashLoop => ({
  versionId: "v1",
  ends: 5,
  cause: "no kernel",
  createdAt: ago(60),
  retriedAt: null,
  ...values,
});

describe("a replica that ends", () => {
  test.each([
    [[], true],
    [[0.9], false],
    [[1.1], true],
    [[1.9, 9], false],
    [[2.1, 9], true],
    [[7.9, 20, 30, 40], false],
    [[8.1, 20, 30, 40], true],
  ])("after ends %j s ago starts again: %s", (secondsAgo, starts) => {
    expect(crew(ends(...secondsAgo))).toEqual(starts ? [START] : []);
  });

  test("is given up after five ends within ten minutes, with what the last one said", () => {
    const many = ends(9, 20, 30, 40, 50);
    expect(many).toHaveLength(MOST_ENDS);
    expect(crew(many)).toEqual([{ type: "give_up", versionId: "v1", ends: 5, cause: "cause 9" }]);
    expect(crew(ends(9, 20, 30, 40, ENDS_WINDOW_MS / 1000 + 1))).toEqual([START]);
  });

  test("stays given up however long ago, until somebody tries again or the version is approved anew", () => {
    const many = ends(9, 20, 30, 40, 50);
    expect(crew([], 1, [loop({ createdAt: ago(8000) })])).toEqual([]);
    expect(crew(many, 1, [loop()])).toEqual([]);
    expect(crew(many, 1, [loop({ retriedAt: ago(5) })])).toEqual([START]);
    expect(crew([], 1, [loop({ createdAt: ago(9001) })])).toEqual([START]);
  });

  test("with others that were there at once counts once: a lost node gives no version up", () => {
    const lost = ["a", "b", "c", "d", "e", "f"].map((id, i) =>
      replica(id, 1, { state: "failed", isDesired: false, createdAt: ago(300), endedAt: ago(3 - i / 10) }),
    );
    expect(crew(lost, 6)).toEqual(Array.from({ length: 6 }, () => START));
  });

  test("does not count where it was let go", () => {
    const stopped = replica("a", 1, { state: "stopped", isDesired: false });
    expect(crew([stopped])).toEqual([START]);
  });
});

describe("replicas that are too many", () => {
  test("leave the newest first, and those that are not ready before them", () => {
    const three = [
      replica("old", 1, { createdAt: ago(90) }),
      replica("new", 1, { createdAt: ago(30) }),
      replica("starting", 1, { state: "starting", address: null, createdAt: ago(95) }),
    ];
    expect(crew(three, 2)).toEqual([{ type: "let_go", replicaId: "starting" }]);
    expect(crew(three, 1)).toEqual([
      { type: "let_go", replicaId: "starting" },
      { type: "let_go", replicaId: "new" },
    ]);
  });

  test("are out of the route before they are stopped", () => {
    const replicas = [replica("a", 1), replica("b", 1, { isLeaving: true })];
    const routed = lane([REVISION], replicas, alone("rel_1", [at("a"), at("b")]));
    expect(plan(routed, NOW)).toEqual([{ type: "reroute", routing: alone("rel_1", [at("a")]) }]);
    const after = lane([REVISION], replicas, alone("rel_1", [at("a")]));
    expect(plan(after, NOW)).toEqual([{ type: "retire_replica", replicaId: "b" }]);
  });
});

describe("a replica on a node that drains", () => {
  const old = replica("a", 1, { isOnDrainingNode: true });
  const routed = alone("rel_1", [at("a")]);

  test("gets its successor first, and serves until that one is ready", () => {
    expect(plan(lane([REVISION], [old], routed), NOW)).toEqual([START]);
    const starting = replica("b", 1, { state: "starting", address: null });
    expect(plan(lane([REVISION], [old, starting], routed), NOW)).toEqual([]);
  });

  test("goes once its successor takes part", () => {
    const taken = plan(lane([REVISION], [old, replica("b", 1)], routed), NOW);
    expect(taken[0]).toEqual({ type: "let_go", replicaId: "a" });
    const left = lane([REVISION], [{ ...old, isLeaving: true }, replica("b", 1)], routed);
    expect(wantedRouting(left)).toEqual(alone("rel_1", [at("b")]));
  });
});

describe("load", () => {
  const busy = (inFlight: number) => ({
    scaling: SCALING,
    load: [{ versionId: "v1", at: ago(20), inFlight }],
  });

  test("of the serving version starts more of its replicas", () => {
    const one = lane([REVISION], [replica("a", 1)], alone("rel_1", [at("a")]), busy(17));
    expect(plan(one, NOW)).toEqual([START, START]);
  });

  test("is met before a version takes over at once, so that it does not drown", () => {
    const next = release(2, 2, { state: "preparing", replacedAt: null, createdAt: ago(30) });
    const replicas = [replica("a", 1), replica("b", 1), replica("c", 2)];
    const before = lane([REVISION, next], replicas, alone("rel_1", [at("a"), at("b")]), busy(16));
    const another = { type: "start_replica", versionId: "v2" };
    expect(plan(before, NOW)).toEqual([another]);
    const back = { ...before, releases: [{ ...next, kind: "rollback" as const }, REVISION] };
    expect(plan(back, NOW)).toEqual([another, { type: "publish", releaseId: "rel_2", replicas: [at("c")] }]);
  });

  test("of the version that was replaced goes on with its successor", () => {
    const before = release(1, 1, { createdAt: ago(9000), replacedAt: ago(5) });
    const after = release(2, 2, { ...serving, createdAt: ago(30) });
    const replicas = [replica("a", 1), replica("c", 2), replica("d", 2)];
    const moved = lane([before, after], replicas, alone("rel_2", [at("c"), at("d")]), busy(16));
    expect(plan(moved, NOW)).toEqual([]);
  });
});

describe("a model that may go without replicas", () => {
  const before = release(1, 1, { createdAt: ago(9000), replacedAt: ago(3000) });
  const now = release(2, 2, { ...serving, createdAt: ago(3000) });
  const start = (versionId: string) => ({ type: "start_replica", versionId });
  const asked = (secondsAgo: number) => ({
    scaling: { ...SCALING, min: 0, idleMinutes: 1 },
    askedAt: ago(secondsAgo),
  });
  const idle = asked(61);
  const empty = alone("rel_2", []);

  test("falls asleep after its idle time: out of the route first, and what was kept warm with it", () => {
    const awake = [replica("old", 1), replica("a", 2)];
    const routed = alone("rel_2", [at("a")]);
    expect(plan(lane([before, now], awake, routed, asked(59)), NOW)).toEqual([]);
    expect(plan(lane([before, now], awake, routed, idle), NOW)).toEqual([
      { type: "retire_replica", replicaId: "old" },
      { type: "let_go", replicaId: "a" },
    ]);
    const leaving = [replica("a", 2, { isLeaving: true })];
    expect(plan(lane([before, now], leaving, routed, idle), NOW)).toEqual([
      { type: "reroute", routing: empty },
    ]);
    expect(plan(lane([before, now], leaving, empty, idle), NOW)).toEqual([
      { type: "retire_replica", replicaId: "a" },
    ]);
    expect(plan(lane([before, now], [], empty, idle), NOW)).toEqual([]);
  });

  test("wakes on a request: what serves alone, then what is kept warm", () => {
    expect(plan(lane([before, now], [], empty, asked(1)), NOW)).toEqual([start("v2")]);
    const ready = lane([before, now], [replica("a", 2)], empty, asked(5));
    expect(plan(ready, NOW)).toEqual([start("v1"), { type: "reroute", routing: alone("rel_2", [at("a")]) }]);
  });

  test("is warmed before a way back leads to it, and does not wake what it leaves", () => {
    const back = release(3, 1, { ...preparing, kind: "rollback", restoresId: "rel_1" });
    expect(plan(lane([before, now, back], [], empty, idle), NOW)).toEqual([start("v1")]);
    const warm = lane([before, now, back], [replica("a", 1)], empty, idle);
    expect(plan(warm, NOW)).toEqual([{ type: "publish", releaseId: "rel_3", replicas: [at("a")] }]);
  });
});
