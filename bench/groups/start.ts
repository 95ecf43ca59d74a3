/** A second start: until the console answers, until the cluster is ready. */
import { once } from "node:events";
import { until } from "../../e2e/fixtures/api";
import { spawnProduct, startProduct } from "../../e2e/fixtures/product";
import { type Figures, figure } from "../result";

const REPEATS = 3;

export async function start(): Promise<Figures> {
  const first = await startProduct({}, { keepHome: true });
  await first.stop();
  const console_: number[] = [];
  const cluster: number[] = [];
  for (let i = 0; i < REPEATS; i += 1) {
    const began = performance.now();
    const child = spawnProduct(first.environment, "ignore");
    const health = async () => {
      const response = await fetch(`${first.url}/api/health`).catch(() => null);
      return response?.ok ? ((await response.json()) as { cluster: string }) : null;
    };
    await until("the console answers", health, 60_000, 50);
    console_.push((performance.now() - began) / 1000);
    await until("the cluster is ready", async () => (await health())?.cluster === "ready", 90_000, 50);
    cluster.push((performance.now() - began) / 1000);
    const ended = once(child, "exit");
    child.kill("SIGINT");
    await ended;
  }
  first.clean();
  return { "start.console_second": figure(console_, "s"), "start.cluster_second": figure(cluster, "s") };
}
