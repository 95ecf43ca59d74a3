/** What the gateway adds: the same request through it and to its replica directly, in turn. And what batches gain. */

import { readFileSync } from "node:fs";
import { Agent } from "node:http";
import { join } from "node:path";
import { deriveToken } from "../../server/platform/tokens";
import { batchingGain } from "../batching";
import { post } from "../post";
import type { Bench } from "../project";
import { type Figures, figure } from "../result";
import { requestOf } from "../sample-request";
import { serveTwo } from "../served";

const PAIRS = 1500;
const WARM_UP = 100;

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
    "gateway.batching_gain": await batchingGain(product),
  };
}
