import { describe, expect, it } from "vitest";
import { STARTER_LIMITS } from "../alerts/starter-contract";
import { grouped } from "./groups";
import { type Facts, measure, problemsOf, type ServedFacts, type Settings } from "./problems";

const NOW = new Date("2026-11-23T14:32:08Z");
const ago = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000);
const served = (values: Partial<ServedFacts> = {}): ServedFacts => ({
  modelId: "mdl_1",
  model: "receipt-ocr",
  version: 6,
  since: ago(600),
  ready: 2,
  desired: 2,
  minutes: Array.from({ length: 30 }, (_, i) => ({
    at: ago(30 - i),
    requests: 60,
    errors: 0,
    p99Us: 54_000,
  })),
  ...values,
});
/** The same with its last minutes changed. */
const lately = (last: number, change: Partial<ServedFacts["minutes"][number]>): ServedFacts => {
  const one = served();
  const from = one.minutes.length - last;
  return { ...one, minutes: one.minutes.map((m, i) => (i >= from ? { ...m, ...change } : m)) };
};
const facts = (values: Partial<Facts> = {}): Facts => ({
  production: [],
  failedRuns: [],
  waitingRuns: [],
  cluster: { isAway: false, lastSeenAt: NOW },
  budget: null,
  ...{ disks: [], limit: [], rankTimes: [] },
  ...values,
});

describe("what serves", () => {
  it.each<[string, ServedFacts, string]>([
    ["as usual", served(), "healthy"],
    ["no replica is ready", served({ ready: 0 }), "down"],
    ["none is wanted while nobody asks", served({ ready: 0, desired: 0 }), "asleep"],
    ["one of two is ready", served({ ready: 1 }), "short"],
    ["2% of its requests fail", lately(4, { errors: 2, requests: 100 }), "failing"],
    ["1 of 20 fails, which is too few to say", lately(5, { errors: 1, requests: 4 }), "healthy"],
    ["it is four times as slow", lately(4, { p99Us: 216_000 }), "slow"],
    ["it is twice as slow", lately(4, { p99Us: 108_000 }), "healthy"],
    [
      "it was slow, and is not any more",
      served({ minutes: served().minutes.map((m, i) => (i === 10 ? { ...m, p99Us: 9e6 } : m)) }),
      "healthy",
    ],
    ["nobody asks", served({ minutes: [] }), "healthy"],
  ])("%s", (_, one, health) => {
    expect(measure(one, NOW).health).toBe(health);
  });

  it("is not known to be well while nobody tells of its replicas; its requests still count", () => {
    expect(measure(served({ ready: 0 }), NOW, false).health).toBe("unknown");
    expect(measure(lately(3, { errors: 30, requests: 60 }), NOW, false).health).toBe("failing");
  });

  it("that fails is told with its rate and since when", () => {
    const [problem] = problemsOf(facts({ production: [lately(3, { errors: 30, requests: 60 })] }), NOW);
    expect(problem).toMatchObject({
      severity: "bad",
      title: "receipt-ocr v6: 30% of requests fail",
      since: ago(3),
      path: "/releases/receipt-ocr",
    });
  });

  it("and is slow is told with what is usual", () => {
    const [problem] = problemsOf(facts({ production: [lately(4, { p99Us: 214_000 })] }), NOW);
    expect(problem).toMatchObject({ title: "receipt-ocr v6: p99 is 214 ms, usually 54 ms", since: ago(4) });
  });

  it("and answers nobody is told since its last answer", () => {
    const [problem] = problemsOf(facts({ production: [{ ...lately(2, { errors: 60 }), ready: 0 }] }), NOW);
    expect(problem).toMatchObject({ key: "down:mdl_1", since: ago(3) });
  });
});

it("what is bad comes before what is to be watched, and production before the rest", () => {
  const found = problemsOf(
    facts({
      production: [served({ ready: 1 }), { ...served({ ready: 0 }), modelId: "mdl_2" }],
      failedRuns: [{ number: 12, title: "fine-tune", cause: "out of memory", endedAt: ago(10) }],
      waitingRuns: [{ number: 13, title: "sweep", why: "waits for 2 GPUs", since: ago(6) }],
    }),
    NOW,
  );
  expect(found.map(({ key }) => key)).toEqual(["down:mdl_2", "short:mdl_1", "failed:12", "waits:13"]);
});

it("a cluster that is away is told, and not what nobody can know of its replicas", () => {
  const away = { isAway: true, lastSeenAt: ago(2) };
  expect(problemsOf(facts({ production: [served({ ready: 0 })], cluster: away }), NOW)).toMatchObject([
    { key: "cluster:away", severity: "bad", since: ago(2) },
  ]);
});

it("a run that waits for less than five minutes is no problem", () => {
  expect(
    problemsOf(facts({ waitingRuns: [{ number: 1, title: "t", why: "w", since: ago(4) }] }), NOW),
  ).toEqual([]);
});

it("several subjects of a rule are one problem, by their number and names", () => {
  const failed = [12, 11].map((number) => ({ number, title: "t", cause: "c", endedAt: ago(12 - number) }));
  const found = problemsOf(facts({ failedRuns: failed }), NOW);
  expect(found.map(({ key }) => key)).toEqual(["failed:12", "failed:11"]);
  expect(grouped(found)).toMatchObject([
    {
      title: "2 runs failed within the hour",
      detail: "run 12, run 11. Run 12 failed: t: c",
      path: "/training?kind=all&state=failed",
      since: ago(1),
    },
  ]);
});

describe("the budget", () => {
  const budget = { amount: 200, thresholds: [50, 80], isHard: true };
  const told = (spent: number, over: Partial<typeof budget> = {}) =>
    problemsOf(facts({ budget: { ...budget, ...over, spent } }), NOW).map(({ key, severity, title }) => [
      key,
      severity,
      title,
    ]);
  it.each<[string, number, Partial<typeof budget>, string[][]]>([
    ["is told of once a threshold is passed", 99, {}, []],
    ["names the highest that is", 171, {}, [["budget:80", "warning", "86% of the budget is spent"]]],
    [
      "is a problem once nothing starts",
      200,
      {},
      [["budget:100", "bad", "The budget is spent: nothing new starts"]],
    ],
    [
      "stops nothing unless its cap is hard",
      300,
      { isHard: false },
      [["budget:80", "warning", "The budget is spent"]],
    ],
    [
      "of 0 with a hard cap is spent at once",
      0,
      { amount: 0 },
      [["budget:100", "bad", "The budget is spent: nothing new starts"]],
    ],
  ])("%s", (_, spent, over, expected) => expect(told(spent, over)).toEqual(expected));
});

describe("what everything runs on", () => {
  const disk = (percent: number, bytesPerHour: number | null = null) => ({
    ...{ id: "n1", name: "local-cpu-1", path: "/cluster", sizeBytes: 100e9, usedBytes: percent * 1e9 },
    bytesPerHour,
  });
  const titles = (values: Partial<Facts>) => problemsOf(facts(values), NOW).map(({ title }) => title);
  it.each<[string, Facts["disks"][number], string[]]>([
    ["90% full", disk(90), ["The disk of local-cpu-1 is 90% full"]],
    ["89% full", disk(89), []],
    ["full in 23 h", disk(31, 3e9), ["The disk of local-cpu-1 is full in 23 h"]],
    ["full in 25 h", disk(25, 3e9), []],
    ["emptying", disk(50, -3e9), []],
  ])("a disk that is %s", (_, one, expected) => {
    expect(titles({ disks: [one] })).toEqual(expected);
  });

  it("what waits for ten minutes while no pool may grow", () => {
    const waits = (minutes: number) => [
      { id: "run_1", label: "run 4 (sweep)", path: "/training/4", why: "full", since: ago(minutes) },
    ];
    expect(titles({ limit: waits(9) })).toEqual([]);
    expect(titles({ limit: waits(10) })).toEqual(["The cluster is at its limit: run 4 (sweep) waits"]);
  });

  it("a rank that takes longer than the median of the others, once that has lasted", () => {
    const training = (ms: number) => [
      { run: 7, title: "resnet", ranks: [40, 41, ms, 39].map((of, rank) => ({ rank, ms: of })) },
    ];
    expect(titles({ rankTimes: training(59) })).toEqual([]);
    const [lag] = problemsOf(facts({ rankTimes: training(80) }), NOW);
    expect(lag).toMatchObject({
      key: "lag:7",
      title: "Run 7: rank 2 takes 2.0 times as long as the others",
      holdSeconds: 180,
    });
  });
});

it("a team's own figures and what it switched off are what is judged by", () => {
  const limits = { ...STARTER_LIMITS, errors: { percent: 40 }, disk: { percent: 50, hours: 1 } };
  const disks = [{ id: "n", name: "n", path: "/cluster", sizeBytes: 100, usedBytes: 60, bytesPerHour: null }];
  const all = facts({ production: [lately(3, { errors: 30, requests: 60 })], disks });
  const keys = (settings: Settings) => problemsOf(all, NOW, settings).map(({ key }) => key);
  expect(keys({ limits, off: new Set() })).toEqual(["disk:n"]);
  expect(keys({ limits, off: new Set(["disk"]) })).toEqual([]);
});
