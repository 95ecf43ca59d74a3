/** Which names and values are taken, in MLflow's own words (mlflow/utils/validation.py): clients show them as they are. */
import { posix } from "node:path";
import { Invalid } from "../../platform/errors";
import type { KeyValue, LogBatch, Metric } from "./contract";

const KEY_CHARACTERS = 250;
const PARAM_CHARACTERS = 6000;
const TAG_CHARACTERS = 8000;
/** An entry of an index in Postgres has room for 2,704. */
const PATH_BYTES = 1000;
const BATCH_METRICS = 1000;
const BATCH_PARAMS_AND_TAGS = 100;
const BATCH_ENTITIES = 1000;

/** As metrics, parameters and tags may be called. */
const NAME = /^[/\p{L}\p{N}_.\- :]*$/u;

function checkName(noun: "metric" | "parameter" | "tag", name: string): void {
  if (!NAME.test(name)) {
    throw new Invalid(
      `Invalid ${noun} name: '${name.slice(0, KEY_CHARACTERS)}'. Names may only contain alphanumerics, underscores (_), dashes (-), ` +
        "periods (.), spaces ( ), colon(:) and slashes (/).",
    );
  }
  if (name.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw new Invalid(
      `Invalid ${noun} name: '${name.slice(0, KEY_CHARACTERS)}'. Names may be treated as files in certain cases, and must not resolve ` +
        `to other names when treated as such. This name would resolve to '${posix.normalize(name)}'`,
    );
  }
  if (name.length > KEY_CHARACTERS) {
    throw new Invalid(
      `${noun} key '${name.slice(0, KEY_CHARACTERS)}' had length ${name.length}, which exceeded length limit of ${KEY_CHARACTERS}`,
    );
  }
}

/** A value that Postgres can hold; a longer one is cut as MLflow's server cuts it. */
function fitted(noun: "parameter" | "tag", { key, value }: KeyValue, characters: number): KeyValue {
  if (value.includes("\0")) throw new Invalid(`The value of ${noun} '${key}' holds a NUL character.`);
  return { key, value: value.slice(0, characters) };
}

/** @throws Invalid */
export function checkedParam(param: KeyValue): KeyValue {
  checkName("parameter", param.key);
  return fitted("parameter", param, PARAM_CHARACTERS);
}

/** @throws Invalid */
export function checkedTag(tag: KeyValue): KeyValue {
  checkName("tag", tag.key);
  return fitted("tag", tag, TAG_CHARACTERS);
}

/** Points here count steps from 0, and up to 2^53, as charts do. @throws Invalid */
export function checkedMetric(metric: Metric): Metric {
  checkName("metric", metric.key);
  const { key, value, timestamp, step } = metric;
  if (timestamp < 0) {
    throw new Invalid(
      `Got invalid timestamp ${timestamp} for metric '${key}' (value=${value}). Timestamp must be a nonnegative long (64-bit integer) `,
    );
  }
  if (step < 0 || !Number.isSafeInteger(step)) {
    throw new Invalid(
      `Got invalid step ${step} for metric '${key}' (value=${value}). Steps are counted from 0 to ${Number.MAX_SAFE_INTEGER} here.`,
    );
  }
  return metric;
}

/** The whole of a batch, before any of it is stored. @throws Invalid */
export function checkedBatch(batch: LogBatch): Pick<LogBatch, "metrics" | "params" | "tags"> {
  const { metrics, params, tags } = batch;
  limit("metrics", BATCH_METRICS, metrics.length);
  limit("params", BATCH_PARAMS_AND_TAGS, params.length);
  limit("tags", BATCH_PARAMS_AND_TAGS, tags.length);
  limit("metrics, params, and tags", BATCH_ENTITIES, metrics.length + params.length + tags.length);
  const keys = new Set<string>();
  const twice = params.filter(({ key }) => keys.size === keys.add(key).size).map(({ key }) => key);
  if (twice.length > 0) {
    throw new Invalid(
      `Duplicate parameter keys have been submitted: ${listed(twice)}. Please ensure the request contains only one param value per param key.`,
    );
  }
  return {
    metrics: metrics.map(checkedMetric),
    params: params.map(checkedParam),
    tags: tags.map(checkedTag),
  };
}

function limit(what: string, most: number, found: number): void {
  if (found <= most) return;
  throw new Invalid(
    `A batch logging request can contain at most ${most} ${what}. Got ${found} ${what}. Please split up ${what} across multiple requests and try again.`,
  );
}

const listed = (words: string[]): string => `[${words.map((word) => `'${word}'`).join(", ")}]`;

/**
 * A path of an artifact within its run, "" for the root.
 *
 * @throws Invalid for one that leads upwards, is absolute, or that no file system could hold
 */
export function checkedPath(path: string): string {
  const parts = path.replace(/\/$/, "").split("/");
  const isBad =
    Buffer.byteLength(path) > PATH_BYTES ||
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not pass.
    /[\\\u0000-\u001f\u007f]/.test(path) ||
    (path !== "" && parts.some((part) => part === "" || part === "." || part === ".."));
  if (isBad) throw new Invalid(`Invalid path: ${path.slice(0, 200)}`);
  return parts.join("/");
}

/** @throws Invalid for a name that a model's address could not hold */
export function checkedModelName(name: string): string {
  if (name === "" || /[/:.%"']/.test(name) || name.includes("\0")) {
    throw new Invalid(
      `Invalid model name (${name}) provided. Model name must be a non-empty string and cannot contain the following characters: ('/', ':', '.', '%', '"', "'")`,
    );
  }
  return name;
}
