/**
 * Training: how much two workers gain, what a step costs beside plain torchrun, how soon the first step comes, how
 * soon steps go on after a death.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../e2e/fixtures/api";
import { allPids, commandOf, isAlive, statOf } from "../../server/platform/supervise/processes.mjs";
import type { Bench } from "../project";
import { type Figures, figure, quantile } from "../result";
import { launch, liveRun, runOf, stopRun } from "../runs";
import { torchrunSteps } from "../torchrun";

const PAIRS = 3;
/** The first steps, which are slower, are left out. */
const WARM_UP = 5;
const STEPS = 30;
const LAUNCHES = 3;
const KILLS = 3;
/** A node that has become idle has a process with torch loaded after this. */
const WARM_MS = 5000;
const BATCH = 1024;

export async function train(bench: Bench): Promise<Figures> {
  const cold = await launches(bench, () => noNodes(bench));
  const warm = await launches(bench, () => warmNodes(bench));
  const atOnce = await launches(bench, async () => {});
  const one: number[] = [];
  const two: number[] = [];
  const plain: number[] = [];
  for (let i = 0; i < PAIRS; i += 1) {
    one.push(await stepTime(bench, 1));
    two.push(await stepTime(bench, 2));
    plain.push(await torchrunStepTime(bench));
  }
  const kills = await losses(bench, (pid) => {
    process.kill(pid, "SIGKILL");
    return () => {};
  });
  const nodes = await losses(bench, (pid) => {
    process.kill(nodeOf(pid), "SIGKILL");
    return () => {};
  });
  const frozen = await losses(bench, (pid) => {
    const all = familyOf(nodeOf(pid));
    for (const one of all) process.kill(one, "SIGSTOP");
    return () => {
      for (const one of all) if (isAlive(one)) process.kill(one, "SIGKILL");
    };
  });
  return {
    "train.launch_to_first_step_cold": figure(cold, "s"),
    "train.launch_to_first_step_warm": figure(warm, "s", {
      idleMs: WARM_MS,
      atOnceAfterAnotherRun: figure(atOnce, "s"),
    }),
    "train.speedup_2v1": figure(ratios(one, two), "ratio", {
      globalBatch: BATCH,
      oneWorker: figure(one, "ms"),
      twoWorkers: figure(two, "ms"),
    }),
    "train.step_vs_torchrun": figure(ratios(two, plain), "ratio", {
      globalBatch: BATCH,
      workers: 2,
      lathe: figure(two, "ms"),
      torchrun: figure(plain, "ms"),
    }),
    "train.kill_worker_to_step": figure(kills, "s", {
      from: "kill -9 to the first step of the next attempt",
    }),
    "train.kill_node_to_step": figure(nodes, "s", {
      from: "kill -9 of a worker's raylet to the first step of the next attempt",
    }),
    "train.freeze_node_to_step": figure(frozen, "s", {
      from: "SIGSTOP of a raylet and all its processes to the first step of the next attempt",
    }),
  };
}

/** What was measured in pairs, one against the other. */
const ratios = (above: number[], below: number[]): number[] =>
  above.map((t, i) => {
    const other = below[i];
    if (other === undefined) throw new Error("a pair is not complete");
    return t / other;
  });

/** Seconds from the launch to the first step of two workers. */
async function launches(bench: Bench, prepare: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < LAUNCHES; i += 1) {
    await prepare();
    const run = await liveRun(bench, { workers: 2, globalBatch: 256, epochs: 1 });
    const started = run.attempts[0]?.startedAt;
    if (!started) throw new Error("the run has no first step");
    times.push((started.getTime() - run.createdAt.getTime()) / 1000);
    await stopRun(bench, run.number);
  }
  return times;
}

const noNodes = async (bench: Bench): Promise<void> => {
  await until("all nodes are gone", async () => (await nodesUp(bench)).length === 0, 180_000);
};

async function warmNodes(bench: Bench): Promise<void> {
  await until("two idle nodes", async () => {
    const idle = (await nodesUp(bench)).filter((node) => node.state === "idle");
    return idle.length >= 2;
  });
  await sleep(WARM_MS);
}

async function nodesUp({ api, team }: Bench) {
  const { nodes } = await api.cluster.overview.query({ team });
  return nodes.filter((node) => !node.isHead);
}

/** Median step time (ms) of torchrun's rank 0 over the same steps, on two workers. */
async function torchrunStepTime({ product }: Bench): Promise<number> {
  const steps = await torchrunSteps(product, { workers: 2, globalBatch: BATCH, steps: STEPS + 1 });
  return quantile(steps.slice(WARM_UP, STEPS), 0.5);
}

/** Median step time (ms) over steps 5 to 30. */
async function stepTime(bench: Bench, workers: number): Promise<number> {
  const { api, team } = bench;
  const number = await launch(bench, { workers, globalBatch: BATCH, epochs: 5 });
  await until(
    "enough steps",
    async () => ((await runOf(bench, number)).progress?.step ?? 0) > STEPS,
    180_000,
  );
  await stopRun(bench, number);
  const { series } = await api.runs.metrics.query({
    team,
    run: number,
    name: "train/step_time",
    width: 1000,
    from: WARM_UP,
    to: STEPS,
  });
  return quantile(
    series.flatMap((line) => line.buckets.flatMap((bucket) => bucket.mean ?? [])),
    0.5,
  );
}

/** A worker's parent is its node's raylet. */
function nodeOf(pid: number): number {
  const parent = statOf(pid)?.parent;
  if (!parent || !/\braylet\b/.test(commandOf(parent))) throw new Error(`process ${pid} has no raylet above`);
  return parent;
}

const familyOf = (pid: number): number[] => {
  const children = allPids().filter((one) => statOf(one)?.parent === pid);
  return [pid, ...children.flatMap(familyOf)];
};

async function losses(bench: Bench, lose: (pid: number) => () => void): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < KILLS; i += 1) times.push(await lossToStep(bench, lose));
  return times;
}

/** Seconds until steps go on. @param lose takes a worker away, and answers what tidies up afterwards */
async function lossToStep(bench: Bench, lose: (pid: number) => () => void): Promise<number> {
  const run = await liveRun(bench, { workers: 2, globalBatch: 128, epochs: 20 });
  await until("a checkpoint", async () => (await runOf(bench, run.number)).checkpoints.length > 0);
  const pid = run.attempts[0]?.workers[1]?.pid;
  if (!pid) throw new Error("rank 1 has no process");
  const killed = Date.now();
  const tidy = lose(pid);
  const next = await until(
    "the next attempt steps",
    async () => (await runOf(bench, run.number)).attempts[1]?.startedAt,
  );
  tidy();
  await stopRun(bench, run.number);
  return (next.getTime() - killed) / 1000;
}
