/** What an attempt tracks of its own run. Whatever it asks for, its run is the only one there is. */
import type { z } from "zod";
import type { Transaction } from "../../platform/db";
import { Invalid, NotFound } from "../../platform/errors";
import { tellNews } from "../../platform/live/relay";
import { ingestMetrics } from "../door/metrics";
import type { SeriesPoint } from "../points/store";
import { getRun } from "../reads";
import type { GetHistory, KeyValue, LogBatch, LogInputs, Metric, RunRef } from "./contract";
import { matches, parseFilter } from "./filter";
import type { Caller } from "./http";
import { checkedBatch, checkedMetric, checkedParam, checkedTag } from "./names";
import * as repo from "./repo";
import { entriesOf, experimentJson, metricJson, RUN_NAME, runInfoJson, runJson } from "./serialize";

/** Of each: params, tags, artifacts, models. What a page can show and a script can mean. */
const MAX_KEPT = 10_000;
const PARENT_RUN = "mlflow.parentRunId";
const MODEL_HISTORY = "mlflow.log-model.history";
const MAX_HISTORY_CHARACTERS = 8000;

/** @throws Invalid without a run, NotFound for any but the attempt's own */
export function requireOwnRun({ owner }: Caller, { run_id, run_uuid }: z.infer<typeof RunRef>): void {
  const asked = run_id || run_uuid;
  if (!asked) {
    throw new Invalid(
      "Missing value for required parameter 'run_id'. See the API docs for more information about request parameters.",
    );
  }
  if (asked !== owner.runId) throw new NotFound(`Run with id=${asked} not found`);
}

/** What is stored within the limit is kept; else the transaction is undone. @throws Invalid */
export async function requireRoom(tx: Transaction, of: repo.Whose, what: repo.Counted): Promise<void> {
  if ((await repo.countOf(tx, of, what)) > MAX_KEPT) {
    throw new Invalid(`A run keeps at most ${MAX_KEPT} ${what}; this one has as many.`);
  }
}

const whose = ({ owner }: Caller): repo.Whose => ({ teamId: owner.teamId, runId: owner.runId });
const told = (caller: Caller): void => tellNews(caller.owner.runId, "tracked");

// --- experiments and runs --------------------------------------------------------------------------------------

/** The only experiment, under the name it was asked for. */
export async function experiment(caller: Caller, name?: string) {
  const run = await getRun(caller.db, caller.owner.teamId, caller.owner.runId);
  return experimentJson(run, name ?? run.title, await repo.tagsOf(caller.db, whose(caller)));
}

export async function runWhole(caller: Caller) {
  const { db, owner } = caller;
  const of = whose(caller);
  const [run, metrics, params, tags, models] = await Promise.all([
    getRun(db, owner.teamId, owner.runId),
    repo.latestMetrics(db, of),
    repo.paramsOf(db, of),
    repo.tagsOf(db, of),
    repo.modelsOf(db, of, MAX_KEPT),
  ]);
  return runJson(run, { metrics, params, tags, models });
}

/** Starting a run, again or within itself, is going on with it under the name and tags given. */
export async function beginRun(caller: Caller, name: string | undefined, tags: KeyValue[]) {
  const given = tags.filter(({ key, value }) => key !== PARENT_RUN || value !== caller.owner.runId);
  await setTags(caller, name ? [...given, { key: RUN_NAME, value: name }] : given);
  return runWhole(caller);
}

/** Status and end are taken and not kept: the run ends when its processes do. */
export async function updateRun(caller: Caller, name: string | undefined) {
  if (name) await setTags(caller, [{ key: RUN_NAME, value: name }]);
  const run = await getRun(caller.db, caller.owner.teamId, caller.owner.runId);
  return runInfoJson(run, await repo.tagsOf(caller.db, whose(caller)));
}

/** The run, where the filter holds. @throws Invalid */
export async function searchRuns(caller: Caller, filter: string) {
  const wanted = parseFilter(filter);
  const run = await runWhole(caller);
  const { metrics, params, tags } = run.data;
  const record = <V>(list: { key: string; value: V }[]) =>
    Object.fromEntries(list.map(({ key, value }) => [key, value]));
  const subject = {
    attributes: run.info,
    metrics: record(metrics.map((metric) => ({ ...metric, value: Number(metric.value) }))),
    params: record(params),
    tags: record(tags),
  };
  return matches(wanted, subject) ? [run] : [];
}

// --- metrics, params, tags -------------------------------------------------------------------------------------

/**
 * Checked whole before anything is stored. Params and tags are one transaction, points another: where the second does
 * not happen the client hears of it, and sending the batch again changes nothing but what is missing.
 */
export async function logBatch(caller: Caller, batch: LogBatch): Promise<void> {
  const { metrics, params, tags } = checkedBatch(batch);
  if (params.length + tags.length > 0) {
    await caller.db.transaction(async (tx) => {
      if (params.length > 0) await keepParams(tx, caller, params);
      if (tags.length > 0) await keepTags(tx, caller, tags);
    });
    told(caller);
  }
  await keepMetrics(caller, metrics);
}

export async function logMetric(caller: Caller, metric: Metric): Promise<void> {
  await keepMetrics(caller, [checkedMetric(metric)]);
}

/** As points of rank 0, where an MLflow client knows no ranks. */
const keepMetrics = ({ db, owner }: Caller, metrics: Metric[]): Promise<void> =>
  ingestMetrics(
    db,
    owner,
    metrics.map(({ key, value, timestamp, step }) => ({ name: key, rank: 0, step, ts: timestamp, value })),
  );

/** @throws Invalid when it has another value already */
export async function logParam(caller: Caller, param: KeyValue): Promise<void> {
  await caller.db.transaction((tx) => keepParams(tx, caller, [checkedParam(param)]));
  told(caller);
}

export async function setTags(caller: Caller, tags: KeyValue[]): Promise<void> {
  if (tags.length === 0) return;
  await caller.db.transaction((tx) => keepTags(tx, caller, tags.map(checkedTag)));
  told(caller);
}

async function keepTags(tx: Transaction, caller: Caller, tags: KeyValue[]): Promise<void> {
  await repo.putTags(tx, whose(caller), tags);
  await requireRoom(tx, whose(caller), "tags");
}

async function keepParams(tx: Transaction, caller: Caller, params: KeyValue[]): Promise<void> {
  const kept = new Map(
    (await repo.keepParams(tx, whose(caller), params)).map(({ key, value }) => [key, value]),
  );
  const other = params.filter(({ key, value }) => kept.get(key) !== value);
  if (other.length > 0) throw changedParams(caller.owner.runId, other, kept);
  await requireRoom(tx, whose(caller), "params");
}

function changedParams(runId: string, other: KeyValue[], kept: ReadonlyMap<string, string>) {
  const [only] = other;
  if (only && other.length === 1) {
    return new Invalid(
      `Changing param values is not allowed. Param with key='${only.key}' was already logged with ` +
        `value='${kept.get(only.key)}' for run ID='${runId}'. Attempted logging new value '${only.value}'.`,
    );
  }
  const list = other.map(
    ({ key, value }) => `{'key': '${key}', 'old_value': '${kept.get(key)}', 'new_value': '${value}'}`,
  );
  return new Invalid(
    `Changing param values is not allowed. Params were already logged='[${list.join(", ")}]' for run ID='${runId}'.`,
  );
}

/** @throws NotFound */
export async function deleteTag(caller: Caller, key: string): Promise<void> {
  if (!(await repo.dropTag(caller.db, whose(caller), key))) {
    throw new NotFound(`No tag with name: ${key} in run with id ${caller.owner.runId}`);
  }
  told(caller);
}

/** Datasets and models that went in, as tags `input.<name>`. */
export async function logInputs(caller: Caller, inputs: z.infer<typeof LogInputs>): Promise<void> {
  const named = (name: string) => `input.${name.replace(/[^\p{L}\p{N}_.\- :]/gu, "_")}`.slice(0, 250);
  const datasets = inputs.datasets.map(({ dataset, tags }) => ({
    key: named(dataset.name),
    value: JSON.stringify({
      digest: dataset.digest,
      source_type: dataset.source_type,
      source: dataset.source.slice(0, 2000),
      ...entriesOf(Object.fromEntries(tags.map(({ key, value }) => [key, value]))),
    }),
  }));
  const models = inputs.models.map(({ model_id }) => ({ key: named(model_id), value: "model" }));
  await setTags(caller, [...datasets, ...models]);
}

/** How clients older than MLflow 3 note a model: one more entry in a list that is a tag. @throws Invalid */
export async function noteModel(caller: Caller, json: string): Promise<void> {
  const entry = jsonOf(json);
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    throw new Invalid("Malformed model info. The model_json must be a JSON object.");
  }
  await caller.db.transaction(async (tx) => {
    await repo.lockArtifacts(tx, whose(caller));
    const before = jsonOf((await repo.findTag(tx, whose(caller), MODEL_HISTORY)) ?? "[]");
    const value = JSON.stringify([...(Array.isArray(before) ? before : []), entry]);
    if (value.length > MAX_HISTORY_CHARACTERS) {
      throw new Invalid(`The tag ${MODEL_HISTORY} holds at most ${MAX_HISTORY_CHARACTERS} characters.`);
    }
    await repo.putTags(tx, whose(caller), [{ key: MODEL_HISTORY, value }]);
  });
  told(caller);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// --- history ---------------------------------------------------------------------------------------------------

export async function history(caller: Caller, input: z.infer<typeof GetHistory>) {
  const { metrics, next } = await repo.history(
    caller.db,
    whose(caller),
    input.metric_key,
    input.page_token ? placeOf(input.page_token) : null,
    input.max_results,
  );
  return {
    metrics: metrics.map(metricJson),
    ...(next
      ? {
          next_page_token: Buffer.from(`${next.series} ${next.step} ${next.ts} ${next.value}`).toString(
            "base64url",
          ),
        }
      : {}),
  };
}

/** @throws Invalid for a token that was not made here */
function placeOf(token: string): SeriesPoint {
  const text = Buffer.from(token, "base64url").toString("utf8");
  const [, ...parts] = /^(\d{1,16}) (\d{1,16}) (-?\d{1,19}) (\S{1,30})$/.exec(text) ?? [];
  const [series, step, ts, value] = parts.map(Number);
  if (
    series === undefined ||
    step === undefined ||
    ts === undefined ||
    value === undefined ||
    (Number.isNaN(value) && parts[3] !== "NaN")
  ) {
    throw new Invalid(
      `Invalid value ${JSON.stringify(token.slice(0, 200))} for parameter 'page_token' supplied.`,
    );
  }
  return { series, step, ts, value };
}
