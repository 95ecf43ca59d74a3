/**
 * What the gateway adds: the same request through it and to its replica directly, in turn. What one core of it answers,
 * what batches gain, and how long the first answer of a model takes that sleeps.
 */

import { readFileSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { deriveToken } from "../../server/platform/tokens";
import { fallAsleep, stayAwake } from "../asleep";
import { batchingGain } from "../batching";
import { requestsPerSecond } from "../capacity";
import { post } from "../post";
import type { Bench } from "../project";
import { type Figure, type Figures, figure } from "../result";
import { requestOf } from "../sample-request";
import { type Served, serveTwo } from "../served";

const PAIRS = 1500;
const WARM_UP = 100;
const COLD_STARTS = 5;

export async function gateway(bench: Bench): Promise<Figures> {
  const { api, team, product, sample } = bench;
  const served = await serveTwo(bench);
  const { replicas } = await api.releases.model.query({ team, model: sample.model });
  const replica = replicas.find((r) => r.isServing && r.address);
  if (!replica?.address) throw new Error("no replica serves");
  const key = readFileSync(join(product.home, "secrets/server.key"), "utf8").trim();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const body = requestOf();
  const ways = {
    through: { url: `${product.gatewayUrl}/v2/models/${served.model}/infer`, token: served.token },
    direct: { url: `${replica.address}/infer`, token: deriveToken("replica", replica.id, key) },
  };
  const times = { through: [] as number[], direct: [] as number[] };
  for (let i = 0; i < PAIRS + WARM_UP; i += 1) {
    for (const way of ["through", "direct"] as const) {
      const took = await post(agent, ways[way], body);
      if (i >= WARM_UP) times[way].push(took);
    }
  }
  agent.destroy();
  const added = times.through.map((t, i) => t - (times.direct[i] ?? t));
  return {
    "gateway.overhead_p50": figure(added, "ms", {
      through: figure(times.through, "ms"),
      direct: figure(times.direct, "ms"),
    }),
    "gateway.requests_per_second": await requestsPerSecond(),
    "gateway.batching_gain": await batchingGain(),
    "replica.cold_start": await coldStart(bench, served),
  };
}

/** From a request to a model without replicas, whose nodes may have left as well, to its answer. */
async function coldStart(bench: Bench, { modelId, model, token }: Served): Promise<Figure> {
  const { product } = bench;
  const times: number[] = [];
  for (let i = 0; i < COLD_STARTS; i += 1) {
    await fallAsleep(bench, modelId);
    const agent = new Agent();
    times.push(
      await post(agent, { url: `${product.gatewayUrl}/v2/models/${model}/infer`, token }, requestOf()),
    );
  }
  await stayAwake(bench, modelId);
  return figure(times, "ms");
}
