/** Points sent in batches of 1,000 over HTTP by several senders at once. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deriveToken } from "../server/platform/tokens";
import type { Bench } from "./project";
import { liveRun } from "./runs";

export const BATCH = 1000;
export const SENDERS = 4;

export interface Target {
  url: string;
  headers: Record<string, string>;
  /** The body of a batch whose steps start at `first`. */
  body: (sender: number, first: number) => object;
  /** Steps sent so far, by all senders. */
  sent: number;
}

const stampOf = (step: number) => 1_700_000_000_000 + step;
const steps = <T>(first: number, of: (step: number) => T): T[] =>
  Array.from({ length: BATCH }, (_, i) => of(first + i));

/** The worker door; each sender has a series of its own unless `name` is given. */
export const workerDoor = (url: string, token: string, name?: string): Target => ({
  url: `${url}/api/worker/metrics`,
  headers: { authorization: `Bearer ${token}` },
  body: (sender, first) => ({
    points: steps(first, (step) => ({
      name: name ?? `bench/${sender}`,
      rank: 0,
      step,
      ts: stampOf(step),
      value: Math.sin(step / 1000),
    })),
  }),
  sent: 0,
});

/** `log-batch` of an MLflow server, ours or its own. */
export const logBatch = (url: string, runId: string, headers: Record<string, string> = {}): Target => ({
  url: `${url}/api/2.0/mlflow/runs/log-batch`,
  headers,
  body: (sender, first) => ({
    run_id: runId,
    metrics: steps(first, (step) => ({
      key: `batch/${sender}`,
      value: Math.sin(step / 1000),
      timestamp: stampOf(step),
      step,
    })),
  }),
  sent: 0,
});

export interface Sent {
  accepted: number;
  /** Answers 429: to be sent again. */
  refused: number;
  seconds: number;
}

/** Sends for as long, or up to as many points. @throws for any answer but success and 429 */
export async function send(target: Target, limit: { ms: number; points?: number }): Promise<Sent> {
  const began = performance.now();
  let accepted = 0;
  let refused = 0;
  const isOver = () =>
    performance.now() - began >= limit.ms || (limit.points !== undefined && target.sent >= limit.points);
  await Promise.all(
    Array.from({ length: SENDERS }, async (_, sender) => {
      while (!isOver()) {
        const first = target.sent;
        target.sent += BATCH;
        const body = JSON.stringify(target.body(sender, first));
        let response = await post(target, body);
        while (response.status === 429) {
          refused += 1;
          response = await post(target, body);
        }
        if (!response.ok)
          throw new Error(`${target.url} answered ${response.status}: ${await response.text()}`);
        await response.arrayBuffer();
        accepted += BATCH;
      }
    }),
  );
  return { accepted, refused, seconds: (performance.now() - began) / 1000 };
}

const post = (target: Target, body: string) =>
  fetch(target.url, {
    method: "POST",
    headers: { ...target.headers, "content-type": "application/json" },
    body,
  });

/** A training that goes on while points are sent to it, and the token of its attempt. */
export async function runForPoints(bench: Bench) {
  const run = await liveRun(bench, { workers: 1, globalBatch: 64, epochs: 50 });
  const attempt = run.attempts.at(-1);
  if (!attempt) throw new Error("the run has no attempt");
  const key = readFileSync(join(bench.product.home, "secrets/server.key"), "utf8").trim();
  return { run, token: deriveToken("attempt", attempt.id, key) };
}
