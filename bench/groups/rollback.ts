/**
 * Rolling back with traffic flowing: from the confirming call to the first answer of the old digest, seen outside. Warm,
 * and where the model sleeps, so that the press and the requests after it find no replica.
 */
import { randomUUID } from "node:crypto";
import { type Load, now, startLoad } from "../../e2e/fixtures/load";
import { fallAsleep, stayAwake } from "../asleep";
import type { Bench } from "../project";
import { type Figures, figure } from "../result";
import { requestOf } from "../sample-request";
import { type Served, serveTwo } from "../served";

const SWITCHES = 50;
const COLD_SWITCHES = 3;
const PER_SECOND = 200;
const CONNECTIONS = 8;

export async function rollback(bench: Bench): Promise<Figures> {
  const served = await serveTwo(bench);
  const load = traffic(bench, served);
  const times: number[] = [];
  await load.until(() => true);
  for (let i = 0; i < SWITCHES; i += 1) times.push(await switchOnce(bench, served, load, i % 2 === 0));
  const samples = await load.stop();
  const cold = await coldSwitches(bench, served);
  const failed = samples.filter((sample) => sample.status !== 200).length;
  return {
    "rollback.click_to_switch": figure(times, "ms", {
      requestsPerSecond: PER_SECOND,
      connections: CONNECTIONS,
      seenBy: "an outside client: from the call to the first answer of the other digest",
    }),
    "rollback.click_to_switch_cold": figure(cold, "ms", {
      requestsPerSecond: PER_SECOND,
      connections: CONNECTIONS,
      of: "a model that sleeps: neither version has a replica",
    }),
    "rollback.failed_requests": figure([failed], "count", { requests: samples.length, switches: SWITCHES }),
  };
}

const traffic = ({ product }: Bench, served: Served): Load =>
  startLoad({
    url: `${product.gatewayUrl}/v2/models/${served.model}/infer`,
    token: served.token,
    body: requestOf(),
    perSecond: PER_SECOND,
    connections: CONNECTIONS,
    maxRequests: 60_000,
    maxSeconds: 300,
  });

async function coldSwitches(bench: Bench, served: Served): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < COLD_SWITCHES; i += 1) {
    await fallAsleep(bench, served.modelId);
    const load = traffic(bench, served);
    times.push(await switchOnce(bench, served, load, i % 2 === 0));
    await load.stop();
  }
  await stayAwake(bench, served.modelId);
  return times;
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
