/** What joining requests gains a replica: the same load on two replicas of the sample model, in turn. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { Agent } from "node:http";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { python } from "../e2e/fixtures/python";
import { post } from "./post";
import { type Figure, figure } from "./result";
import { requestOf } from "./sample-request";

const MODEL = "examples/fashion-resnet/model.onnx";
const TOKEN = "a-token-of-the-bench";
const CONNECTIONS = 32;
const ROUNDS = 7;
const ROUND_MS = 2000;

interface Replica {
  process: ChildProcess;
  url: string;
}

export async function batchingGain(): Promise<Figure> {
  const joined = await start(32);
  const alone = await start(1);
  const perSecond = { joined: [] as number[], alone: [] as number[] };
  try {
    await load(joined, ROUND_MS);
    await load(alone, ROUND_MS);
    for (let round = 0; round < ROUNDS; round += 1) {
      perSecond.joined.push(await load(joined, ROUND_MS));
      perSecond.alone.push(await load(alone, ROUND_MS));
    }
  } finally {
    joined.process.kill();
    alone.process.kill();
  }
  const gains = perSecond.joined.map((rate, round) => rate / (perSecond.alone[round] ?? rate));
  return figure(gains, "×", {
    connections: CONNECTIONS,
    joined: figure(perSecond.joined, "requests/s"),
    alone: figure(perSecond.alone, "requests/s"),
  });
}

async function start(maxBatch: number): Promise<Replica> {
  const args = ["-m", "gpu_worker.serve", MODEL, "--max-batch", String(maxBatch)];
  const process_ = spawn(python(), args, {
    env: {
      ...process.env,
      PYTHONPATH: resolve("gpu-worker/src"),
      OMP_NUM_THREADS: "1",
      LATHE_REPLICA_TOKEN: TOKEN,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [address] = await once(createInterface({ input: process_.stdout }), "line");
  return { process: process_, url: `${address}/infer` };
}

/** Requests answered a second by as many connections, each of which sends its next when it has its answer. */
async function load({ url }: Replica, ms: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const body = requestOf();
  const began = performance.now();
  let answered = 0;
  const connection = async () => {
    while (performance.now() - began < ms) {
      await post(agent, { url, token: TOKEN }, body);
      answered += 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  agent.destroy();
  return (answered * 1000) / (performance.now() - began);
}
