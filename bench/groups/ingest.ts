/** Metric ingestion through the worker door: batches of 1,000 points over HTTP, several senders at once. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../../e2e/fixtures/api";
import { deriveToken } from "../../server/platform/tokens";
import type { Bench } from "../project";
import { type Figures, figure } from "../result";
import { liveRun } from "../runs";

const SECONDS = 10;
const SENDERS = 4;
const BATCH = 1000;

export async function ingest(bench: Bench): Promise<Figures> {
  const { api, team, product } = bench;
  const run = await liveRun(bench, { workers: 1, globalBatch: 64, epochs: 50 });
  const key = readFileSync(join(product.home, "secrets/server.key"), "utf8").trim();
  const attempt = run.attempts.at(-1);
  if (!attempt) throw new Error("the run has no attempt");
  const token = deriveToken("attempt", attempt.id, key);
  const rates: number[] = [];
  let step = 0;
  let accepted = 0;
  let refused = 0;
  for (let second = 0; second < SECONDS; second += 1) {
    const began = performance.now();
    const before = accepted;
    await Promise.all(
      Array.from({ length: SENDERS }, async (_, sender) => {
        while (performance.now() - began < 1000) {
          const first = step;
          step += BATCH;
          const points = Array.from({ length: BATCH }, (_, i) => ({
            name: `bench/${sender}`,
            rank: 0,
            step: first + i,
            ts: 1_700_000_000_000 + first + i,
            value: Math.sin(first + i),
          }));
          const response = await fetch(`${product.url}/api/worker/metrics`, {
            method: "POST",
            headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
            body: JSON.stringify({ points }),
          });
          if (response.ok) accepted += BATCH;
          else refused += 1;
        }
      }),
    );
    rates.push(((accepted - before) * 1000) / (performance.now() - began));
  }
  await api.runs.stop.mutate({ team, runId: run.id });
  await until(
    "the run has stopped",
    async () => (await api.runs.get.query({ team, number: run.number })).endedAt,
  );
  return {
    "ingest.points_per_second": figure(rates, "points/s", {
      batch: BATCH,
      senders: SENDERS,
      accepted,
      refused,
    }),
  };
}
