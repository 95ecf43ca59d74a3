/** Training runs of the benches. */
import type { Client } from "pg";
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

/**
 * As many runs like this one, with an attempt each: what launching them would leave, without the cluster's work.
 *
 * @param as columns in which they differ from it; attempts of runs that ended have ended with them
 */
export async function multiplyRun(
  client: Client,
  runId: string,
  count: number,
  as: Record<string, unknown> = {},
): Promise<void> {
  const { rows } = await client.query<{ first: number }>("select max(number) + 1 as first from run");
  const [first] = rows;
  const copies = [runId, first?.first, count];
  await client.query(
    `insert into run
     select (jsonb_populate_record(r, $4::jsonb || jsonb_build_object(
       'id', r.id || '_' || i, 'number', i, 'title', r.title || ' ' || i,
       'created_at', r.created_at + i * interval '1 second'))).*
     from run r, generate_series($2::int, $2::int + $3::int - 1) i where r.id = $1`,
    [...copies, JSON.stringify(as)],
  );
  await client.query(
    `insert into attempt
     select (jsonb_populate_record(a, jsonb_build_object(
       'id', a.id || '_' || i, 'run_id', a.run_id || '_' || i, 'job_id', a.job_id || '_' || i) || $4::jsonb)).*
     from attempt a, generate_series($2::int, $2::int + $3::int - 1) i where a.run_id = $1`,
    [...copies, JSON.stringify(as.ended_at ? { state: as.state, ended_at: as.ended_at } : {})],
  );
}
