/** Rolling back with traffic flowing: from the confirming call to the first answer of the old digest, seen outside. */
import { randomUUID } from "node:crypto";
import { until } from "../../e2e/fixtures/api";
import { startTraffic } from "../../e2e/fixtures/load";
import type { Bench } from "../project";
import { type Figures, figure } from "../result";
import { requestOf } from "../sample-request";
import { type Served, serveTwo } from "../served";

const SWITCHES = 10;
const PER_SECOND = 60;

export async function rollback(bench: Bench): Promise<Figures> {
  const served = await serveTwo(bench);
  const traffic = startTraffic({
    url: `${bench.product.gatewayUrl}/v2/models/${served.model}/infer`,
    token: served.token,
    body: requestOf(),
    perSecond: PER_SECOND,
  });
  const times: number[] = [];
  try {
    await until("traffic flows", async () => traffic.answers.length > PER_SECOND);
    for (let i = 0; i < SWITCHES; i += 1) times.push(await switchOnce(bench, served, traffic, i % 2 === 0));
  } finally {
    await traffic.stop();
  }
  const failed = traffic.answers.filter((a) => a.status !== 200).length;
  return {
    "rollback.click_to_switch": figure(times, "ms", {
      requestsPerSecond: PER_SECOND,
      seenBy: "an outside client",
    }),
    "rollback.failed_requests": figure([failed], "count", {
      requests: traffic.answers.length,
      switches: SWITCHES,
    }),
  };
}

async function switchOnce(
  { api, team, sample }: Bench,
  served: Served,
  traffic: ReturnType<typeof startTraffic>,
  back: boolean,
) {
  const page = await api.releases.model.query({ team, model: sample.model });
  const serving = page.serving;
  if (!serving) throw new Error("nothing serves");
  const target = back ? page.rollback : page.forward;
  if (!target) throw new Error("there is nowhere to go");
  const from = performance.timeOrigin + performance.now();
  const input = { team, modelId: served.modelId, from: serving.id, key: randomUUID() };
  await (back ? api.releases.rollBack.mutate(input) : api.releases.goForward.mutate(input));
  const first = await until("an answer of the other version", async () =>
    traffic.answers.find((a) => a.at >= from && a.digest !== serving.digest && a.status === 200),
  );
  return first.at - from;
}
