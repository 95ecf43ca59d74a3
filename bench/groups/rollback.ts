/** Rolling back with traffic flowing: from the confirming call to the first answer of the old digest, seen outside. */
import { randomUUID } from "node:crypto";
import { type Load, now, startLoad } from "../../e2e/fixtures/load";
import type { Bench } from "../project";
import { type Figures, figure } from "../result";
import { requestOf } from "../sample-request";
import { type Served, serveTwo } from "../served";

const SWITCHES = 10;
const PER_SECOND = 60;

export async function rollback(bench: Bench): Promise<Figures> {
  const served = await serveTwo(bench);
  const load = startLoad({
    url: `${bench.product.gatewayUrl}/v2/models/${served.model}/infer`,
    token: served.token,
    body: requestOf(),
    perSecond: PER_SECOND,
    maxRequests: 30_000,
    maxSeconds: 300,
  });
  const times: number[] = [];
  await load.until(() => true);
  for (let i = 0; i < SWITCHES; i += 1) times.push(await switchOnce(bench, served, load, i % 2 === 0));
  const samples = await load.stop();
  const failed = samples.filter((sample) => sample.status !== 200).length;
  return {
    "rollback.click_to_switch": figure(times, "ms", {
      requestsPerSecond: PER_SECOND,
      seenBy: "an outside client: from the call to the first answer of the other digest",
    }),
    "rollback.failed_requests": figure([failed], "count", { requests: samples.length, switches: SWITCHES }),
  };
}

async function switchOnce(
  { api, team, sample }: Bench,
  served: Served,
  load: Load,
  isBack: boolean,
): Promise<number> {
  const { serving, rollback: back, forward } = await api.releases.model.query({ team, model: sample.model });
  if (!serving) throw new Error("nothing serves");
  if (!(isBack ? back : forward).target) throw new Error("there is nowhere to go");
  const input = { team, modelId: served.modelId, from: serving.id, key: randomUUID() };
  const pressed = now();
  const other = load.until((s) => s.answeredAt > pressed && s.status === 200 && s.digest !== serving.digest);
  await (isBack ? api.releases.rollBack.mutate(input) : api.releases.goForward.mutate(input));
  return (await other).answeredAt - pressed;
}
