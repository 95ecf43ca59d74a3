/** Metric ingestion over HTTP: the worker door, and `log-batch` beside an MLflow server in the same minute. */
import { startMlflow } from "../mlflow";
import { BATCH, logBatch, runForPoints, SENDERS, send, type Target, workerDoor } from "../points";
import type { Bench } from "../project";
import { type Figures, figure } from "../result";
import { stopRun } from "../runs";

const SECONDS = 10;

export async function ingest(bench: Bench): Promise<Figures> {
  const { run, token } = await runForPoints(bench);
  const found = await rate(workerDoor(bench.product.url, token));
  await stopRun(bench, run.number);
  return { "ingest.points_per_second": found };
}

export async function mlflow(bench: Bench): Promise<Figures> {
  const { product } = bench;
  const { run, token } = await runForPoints(bench);
  const figures: Figures = {};
  const server = await startMlflow(product.environment.LATHE_VENV ?? "");
  try {
    const ours = logBatch(product.url, run.id, { authorization: `Bearer ${token}` });
    const theirs = logBatch(server.url, server.runId);
    // One second each in turn: what else the machine does falls on both.
    const rates = { ours: [] as number[], theirs: [] as number[] };
    await send(theirs, { ms: 1000 });
    for (let second = 0; second < SECONDS; second += 1) {
      rates.ours.push(await perSecond(ours));
      rates.theirs.push(await perSecond(theirs));
    }
    const detail = { batch: BATCH, senders: SENDERS, mlflow: server.version };
    figures["ingest.log_batch"] = figure(rates.ours, "points/s", detail);
    figures["ingest.log_batch_mlflow"] = figure(rates.theirs, "points/s", { ...detail, store: "sqlite" });
    figures["ingest.vs_mlflow"] = figure(
      rates.ours.map((own, second) => own / (rates.theirs[second] ?? Number.NaN)),
      "times",
      detail,
    );
  } finally {
    await server.stop();
  }
  await stopRun(bench, run.number);
  return figures;
}

async function rate(target: Target) {
  const rates: number[] = [];
  let accepted = 0;
  let refused = 0;
  for (let second = 0; second < SECONDS; second += 1) {
    const sent = await send(target, { ms: 1000 });
    rates.push(sent.accepted / sent.seconds);
    accepted += sent.accepted;
    refused += sent.refused;
  }
  return figure(rates, "points/s", { batch: BATCH, senders: SENDERS, accepted, refused });
}

async function perSecond(target: Target): Promise<number> {
  const { accepted, seconds } = await send(target, { ms: 1000 });
  return accepted / seconds;
}
