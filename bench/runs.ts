/** Training runs of the benches. */
import { until } from "../e2e/fixtures/api";
import type { Bench } from "./project";

interface Choice {
  workers: number;
  globalBatch: number;
  epochs: number;
}

export async function launch({ api, team, sample }: Bench, choice: Choice): Promise<number> {
  const { number } = await api.training.launch.mutate({
    team,
    versionId: sample.versionId,
    datasetId: sample.datasetId,
    mode: "fine_tune",
    lr: 0.0001,
    seed: 0,
    checkpointEverySteps: 25,
    note: "",
    ...choice,
  });
  return number;
}

export const runOf = ({ api, team }: Bench, number: number) => api.runs.get.query({ team, number });

/** A run that has done its first step. */
export async function liveRun(bench: Bench, choice: Choice) {
  const number = await launch(bench, choice);
  return until("the first step", async () => {
    const run = await runOf(bench, number);
    if (run.state === "failed") throw new Error(run.cause?.message ?? "the run failed");
    return run.attempts.at(-1)?.startedAt ? run : null;
  });
}

export async function stopRun(bench: Bench, number: number): Promise<void> {
  const { api, team } = bench;
  const run = await runOf(bench, number);
  if (!run.endedAt) await api.runs.stop.mutate({ team, runId: run.id });
  await until("the run has ended", async () => (await runOf(bench, number)).endedAt);
}
