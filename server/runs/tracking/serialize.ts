/** What MLflow clients read: numbers as numbers, unset fields left out, NaN and infinities as words. */
import type { RunState } from "../contract";
import type { Run } from "../records";
import type { KeyValue } from "./contract";
import type { ModelRow, StoredMetric } from "./repo";

export const RUN_NAME = "mlflow.runName";
export const OUTPUT_STEP = "mlflow.outputStep";

const STATUS: Record<RunState, string> = {
  queued: "SCHEDULED",
  running: "RUNNING",
  paused: "SCHEDULED",
  succeeded: "FINISHED",
  failed: "FAILED",
  stopped: "KILLED",
};
const MODEL_STATUS: Record<ModelRow["status"], string> = {
  PENDING: "LOGGED_MODEL_PENDING",
  READY: "LOGGED_MODEL_READY",
  FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
};

export const rootOf = (runId: string): string => `mlflow-artifacts:/${runId}/artifacts`;
/** The folder of a logged model among the run's artifacts. */
export const modelFolder = (modelId: string): string => `models/${modelId}`;

/** Its id is the run's: an attempt has one experiment with one run. */
export const experimentJson = (run: Run, name: string, tags: KeyValue[]) => ({
  experiment_id: run.id,
  name,
  artifact_location: `mlflow-artifacts:/${run.id}`,
  lifecycle_stage: "active",
  creation_time: run.createdAt.getTime(),
  last_update_time: run.createdAt.getTime(),
  tags,
});

export const metricJson = ({ key, value, timestamp, step }: StoredMetric) => ({
  key,
  value: Number.isFinite(value) ? value : String(value),
  timestamp,
  step,
});

export function runInfoJson(run: Run, tags: KeyValue[]) {
  const tag = (key: string) => tags.find((one) => one.key === key)?.value;
  const user = tag("mlflow.user");
  return {
    run_id: run.id,
    run_uuid: run.id,
    run_name: tag(RUN_NAME) ?? run.title,
    experiment_id: run.id,
    ...(user === undefined ? {} : { user_id: user }),
    status: STATUS[run.state],
    start_time: (run.startedAt ?? run.createdAt).getTime(),
    ...(run.endedAt ? { end_time: run.endedAt.getTime() } : {}),
    artifact_uri: rootOf(run.id),
    lifecycle_stage: "active",
  };
}

export const runJson = (
  run: Run,
  tracked: { metrics: StoredMetric[]; params: KeyValue[]; tags: KeyValue[]; models: ModelRow[] },
) => ({
  info: runInfoJson(run, tracked.tags),
  data: { metrics: tracked.metrics.map(metricJson), params: tracked.params, tags: tracked.tags },
  inputs: {},
  outputs: {
    model_outputs: tracked.models.map((model) => ({
      model_id: model.id,
      step: Number(entriesOf(model.tags)[OUTPUT_STEP] ?? 0),
    })),
  },
});

/** Names and sizes in a folder; paths begin at `base`. */
export const filesJson = (base: string, entries: { name: string; bytes: number | null }[]) =>
  entries.map(({ name, bytes }) => ({
    path: base === "" ? name : `${base}/${name}`,
    is_dir: bytes === null,
    ...(bytes === null ? {} : { file_size: bytes }),
  }));

/** A stored record of texts. */
export const entriesOf = (stored: unknown): Record<string, string> =>
  Object.fromEntries(Object.entries(stored ?? {}).map(([key, value]) => [key, String(value)]));

const pairs = (stored: unknown): KeyValue[] =>
  Object.entries(entriesOf(stored)).map(([key, value]) => ({ key, value }));

export const modelJson = (model: ModelRow) => ({
  info: {
    model_id: model.id,
    experiment_id: model.runId,
    name: model.name,
    creation_timestamp_ms: model.createdAt.getTime(),
    last_updated_timestamp_ms: model.updatedAt.getTime(),
    artifact_uri: `${rootOf(model.runId)}/${modelFolder(model.id)}`,
    status: MODEL_STATUS[model.status],
    ...(model.modelType === "" ? {} : { model_type: model.modelType }),
    source_run_id: model.runId,
    tags: pairs(model.tags),
  },
  data: { params: pairs(model.params) },
});
