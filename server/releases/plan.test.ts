import { expect, test } from "vitest";
import type { Lane, LaneRelease } from "./lane";
import { forwardTarget, rollbackTarget, warmVersions } from "./lane";
import { ago, at, lane, NOW, preparing, release, replica, serving } from "./lane-testing";
import { plan } from "./plan";
import type { Rollout } from "./rollout";
import { Strategy } from "./rollout-contract";
import { alone } from "./routing";

test.each<[string, Lane, ReturnType<typeof plan>]>([
  [
    "an approved release starts its replica",
    lane([release(1, 1, preparing)]),
    [{ type: "start_replica", versionId: "v1" }],
  ],
  [
    "while its replica starts there is nothing to do",
    lane([release(1, 1, preparing)], [replica("a", 1, { state: "starting", address: null })]),
    [],
  ],
  [
    "traffic moves once it is ready",
    lane([release(1, 1, preparing)], [replica("a", 1)]),
    [{ type: "publish", releaseId: "rel_1", replicas: [at("a")] }],
  ],
  [
    "two replicas wanted, one ready: production stays where it is",
    lane(
      [release(1, 1, serving), release(2, 2, { ...preparing, replicas: 2 })],
      [replica("a", 1), replica("b", 2), replica("c", 2, { state: "starting" })],
      alone("rel_1", [at("a")]),
    ),
    [],
  ],
  [
    "a replica that ended is replaced while a release is prepared",
    lane([release(1, 1, preparing)], [replica("a", 1, { state: "failed", createdAt: ago(5) })]),
    [
      { type: "retire_replica", replicaId: "a" },
      { type: "start_replica", versionId: "v1" },
    ],
  ],
  [
    "three that ended fail the release with the last cause, and nothing is switched",
    lane(
      [release(1, 1, serving), release(2, 2, preparing)],
      [
        replica("a", 1),
        replica("b", 2, { state: "failed", isDesired: false, createdAt: ago(20) }),
        replica("c", 2, { state: "failed", isDesired: false, createdAt: ago(10) }),
        replica("d", 2, { state: "failed", createdAt: ago(5), message: "no input named x" }),
      ],
      alone("rel_1", [at("a")]),
    ),
    [
      {
        type: "fail_release",
        releaseId: "rel_2",
        message: "3 replicas of v2 ended before they were ready; the last said: no input named x",
      },
      { type: "retire_replica", replicaId: "d" },
    ],
  ],
  [
    "a release that waits too long fails with what it waits for",
    lane(
      [release(1, 1, { ...preparing, createdAt: ago(601) })],
      [replica("a", 1, { state: "starting", address: null, message: "waiting for 0.1 CPU" })],
    ),
    [
      {
        type: "fail_release",
        releaseId: "rel_1",
        message: "No replica of v1 was ready within 10 min; it waits: waiting for 0.1 CPU.",
      },
      { type: "retire_replica", replicaId: "a" },
    ],
  ],
  [
    "a newer approval overtakes an older one",
    lane([release(1, 1, preparing), release(2, 2, preparing)], [replica("b", 2)]),
    [
      { type: "fail_release", releaseId: "rel_1", message: "Overtaken by revision 2." },
      { type: "publish", releaseId: "rel_2", replicas: [at("b")] },
    ],
  ],
  [
    "the last two other versions stay warm, the one before is let go",
    lane(
      [release(1, 1), release(2, 2), release(3, 3), release(4, 4, serving)],
      [replica("a", 1), replica("b", 2), replica("c", 3), replica("d", 4)],
      alone("rel_4", [at("d")]),
    ),
    [{ type: "retire_replica", replicaId: "a" }],
  ],
  [
    "a warm replica that ended comes back",
    lane(
      [release(1, 1), release(2, 2, serving)],
      [replica("a", 1, { state: "failed", createdAt: ago(60) }), replica("b", 2)],
      alone("rel_2", [at("b")]),
    ),
    [
      { type: "retire_replica", replicaId: "a" },
      { type: "start_replica", versionId: "v1" },
    ],
  ],
  [
    "one that keeps ending waits longer each time",
    lane(
      [release(1, 1), release(2, 2, serving)],
      [
        replica("a", 1, { state: "failed", isDesired: false, createdAt: ago(30) }),
        replica("c", 1, { state: "failed", createdAt: ago(8), endedAt: ago(1) }),
        replica("b", 2),
      ],
      alone("rel_2", [at("b")]),
    ),
    [{ type: "retire_replica", replicaId: "c" }],
  ],
  [
    "the serving release's new address reaches the gateways",
    lane(
      [release(1, 1, serving)],
      [replica("a", 1)],
      alone("rel_1", [{ id: "a", address: "http://127.0.0.1/before" }]),
    ),
    [{ type: "reroute", routing: alone("rel_1", [at("a")]) }],
  ],
  [
    "with no replica ready the last route stays",
    lane(
      [release(1, 1, serving)],
      [replica("a", 1, { state: "starting", address: null })],
      alone("rel_1", [at("a")]),
    ),
    [],
  ],
])("%s", (_name, given, expected) => {
  expect(plan(given, NOW)).toEqual(expected);
});

/** v2 on its way beside v1, both with a replica. */
function rolling(state: LaneRelease["state"], position: Partial<Rollout>, auto = false): Lane {
  const strategy = Strategy.parse({ kind: "canary", steps: [5, 50, 100], bakeMinutes: 10, auto });
  if (strategy.kind !== "canary") throw new Error("a canary was asked for");
  const rollout = {
    id: "rol_1",
    strategy,
    phase: "canary",
    step: 0,
    isHeld: false,
    since: ago(601),
    ...position,
  } as const;
  const way = state === "serving" ? release(1, 1) : release(1, 1, serving);
  return lane(
    [way, release(2, 2, { state, replacedAt: null, createdAt: ago(30), rollout })],
    [replica("a", 1), replica("b", 2)],
    {
      arms: [
        { releaseId: "rel_1", weight: 95, replicas: [at("a")] },
        { releaseId: "rel_2", weight: 5, replicas: [at("b")] },
      ],
      shadow: null,
    },
  );
}

test.each<[string, Lane, ReturnType<typeof plan>]>([
  [
    "a release with steps begins them once it is ready",
    rolling("preparing", { phase: "preparing" }),
    [{ type: "begin_rollout", releaseId: "rel_2" }],
  ],
  ["a canary never goes on by itself", rolling("rolling_out", {}), []],
  [
    "unless that was agreed",
    rolling("rolling_out", {}, true),
    [{ type: "advance_rollout", releaseId: "rel_2" }],
  ],
  ["and not while it is held", rolling("rolling_out", { isHeld: true }, true), []],
  ["nor before its time", rolling("rolling_out", { since: ago(599) }, true), []],
  [
    "the route follows its step",
    rolling("rolling_out", { step: 1 }),
    [
      {
        type: "reroute",
        routing: {
          arms: [
            { releaseId: "rel_1", weight: 50, replicas: [at("a")] },
            { releaseId: "rel_2", weight: 50, replicas: [at("b")] },
          ],
          shadow: null,
        },
      },
    ],
  ],
])("%s", (_name, given, expected) => {
  expect(plan(given, NOW)).toEqual(expected);
});

test("rolling back during a canary leads to what serves beside it", () => {
  expect(rollbackTarget(rolling("rolling_out", {}))?.id).toBe("rel_1");
});

test("rolling back goes one deeper each time, and forward comes up the same way", () => {
  const history = [release(1, 1), release(2, 2), release(3, 3, serving)];
  expect(rollbackTarget(lane(history))?.id).toBe("rel_2");
  expect(forwardTarget(lane(history))).toBeUndefined();

  const once = [
    release(1, 1),
    release(2, 2),
    release(3, 3, { rolledBackFrom: true }),
    release(4, 2, { ...serving, kind: "rollback", restoresId: "rel_2", previousId: "rel_3" }),
  ];
  expect(rollbackTarget(lane(once))?.id).toBe("rel_1");
  expect(forwardTarget(lane(once))?.id).toBe("rel_3");

  const twice = [
    release(1, 1),
    release(2, 2, { rolledBackFrom: true }),
    release(3, 3, { rolledBackFrom: true }),
    release(4, 2, { kind: "rollback", restoresId: "rel_2", rolledBackFrom: true }),
    release(5, 1, { ...serving, kind: "rollback", restoresId: "rel_1", previousId: "rel_4" }),
  ];
  expect(rollbackTarget(lane(twice))).toBeUndefined();
  expect(forwardTarget(lane(twice))?.id).toBe("rel_2");
});

test("after a new promotion the way back passes over what was rolled back from", () => {
  const releases = [
    release(1, 1),
    release(2, 2, { rolledBackFrom: true }),
    release(3, 1, { kind: "rollback", restoresId: "rel_1" }),
    release(4, 3, serving),
  ];
  expect(rollbackTarget(lane(releases))?.id).toBe("rel_1");
  expect(warmVersions(lane(releases))).toEqual(["v1", "v2"]);
});
