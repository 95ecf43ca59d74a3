/** Models that a script logged (MLflow 3): an entry here, its files among the run's artifacts. */
import type { z } from "zod";
import { NotFound } from "../../platform/errors";
import { newId } from "../../platform/ids";
import { tellNews } from "../../platform/live/relay";
import { listArtifacts } from "./artifacts";
import { requireOwnRun, requireRoom } from "./attempt";
import type { CreateLoggedModel, FinalizeLoggedModel, KeyValue, LogOutputs, SearchModels } from "./contract";
import { matches, parseFilter } from "./filter";
import type { Caller } from "./http";
import { checkedModelName, checkedParam, checkedTag } from "./names";
import * as repo from "./repo";
import { entriesOf, modelFolder, modelJson, OUTPUT_STEP } from "./serialize";

const STATUS = {
  LOGGED_MODEL_PENDING: "PENDING",
  LOGGED_MODEL_READY: "READY",
  LOGGED_MODEL_UPLOAD_FAILED: "FAILED",
} as const;
const MAX_SEARCHED = 10_000;

const whose = ({ owner }: Caller): repo.Whose => ({ teamId: owner.teamId, runId: owner.runId });
const record = (pairs: KeyValue[]) => Object.fromEntries(pairs.map(({ key, value }) => [key, value]));
const paramsOf = (params: KeyValue[]) => record(params.map(checkedParam));
const tagsOf = (tags: KeyValue[]) => record(tags.map(checkedTag));
const notFound = (id: string) => new NotFound(`Logged model with ID '${id.slice(0, 100)}' not found.`);

/** @throws Invalid, NotFound for a model of another run */
export async function createModel(caller: Caller, input: z.infer<typeof CreateLoggedModel>) {
  const { source_run_id: source } = input;
  if (source) requireOwnRun(caller, { run_id: source });
  const of = whose(caller);
  const id = newId("lgm");
  const row = await caller.db.transaction(async (tx) => {
    const created = await repo.insertModel(tx, {
      ...of,
      id,
      name: checkedModelName(input.name ?? id),
      modelType: input.model_type,
      params: paramsOf(input.params),
      tags: tagsOf(input.tags),
    });
    await requireRoom(tx, of, "models");
    return created;
  });
  tellNews(of.runId, "tracked");
  return { model: modelJson(row) };
}

/** @throws NotFound */
export async function getModel(caller: Caller, id: string) {
  const row = await repo.findModel(caller.db, whose(caller), id);
  if (!row) throw notFound(id);
  return { model: modelJson(row) };
}

async function patched(caller: Caller, id: string, patch: Parameters<typeof repo.patchModel>[3]) {
  const row = await repo.patchModel(caller.db, whose(caller), id, patch);
  if (!row) throw notFound(id);
  tellNews(caller.owner.runId, "tracked");
  return row;
}

/** @throws NotFound */
export const finalizeModel = async (
  caller: Caller,
  id: string,
  input: z.infer<typeof FinalizeLoggedModel>,
) => ({
  model: modelJson(await patched(caller, id, { status: STATUS[input.status] })),
});

/** @throws NotFound */
export const setModelTags = async (caller: Caller, id: string, tags: KeyValue[]) => ({
  model: modelJson(await patched(caller, id, { tags: tagsOf(tags) })),
});

/** @throws NotFound */
export async function logModelParams(caller: Caller, id: string, params: KeyValue[]): Promise<void> {
  await patched(caller, id, { params: paramsOf(params) });
}

/** @throws NotFound */
export async function deleteModelTag(caller: Caller, id: string, key: string): Promise<void> {
  await getModel(caller, id);
  await repo.dropModelTag(caller.db, whose(caller), id, key);
}

/** The entry and its files. @throws NotFound */
export async function deleteModel(caller: Caller, id: string): Promise<void> {
  await getModel(caller, id);
  await caller.db.transaction(async (tx) => {
    await repo.dropArtifacts(tx, whose(caller), modelFolder(id));
    await repo.dropModel(tx, whose(caller), id);
  });
  tellNews(caller.owner.runId, "tracked");
}

/** Newest first. @throws Invalid for a filter that does not parse */
export async function searchModels(caller: Caller, input: z.infer<typeof SearchModels>) {
  const wanted = parseFilter(input.filter);
  const rows = await repo.modelsOf(caller.db, whose(caller), MAX_SEARCHED);
  const found = rows.filter((row) =>
    matches(wanted, {
      attributes: {
        name: row.name,
        model_id: row.id,
        model_type: row.modelType,
        source_run_id: row.runId,
        status: row.status,
        creation_timestamp: row.createdAt.getTime(),
        last_updated_timestamp: row.updatedAt.getTime(),
      },
      params: entriesOf(row.params),
      tags: entriesOf(row.tags),
    }),
  );
  const start = Number(input.page_token);
  const end = start + input.max_results;
  return {
    models: found.slice(start, end).map(modelJson),
    ...(found.length > end ? { next_page_token: String(end) } : {}),
  };
}

/** @throws NotFound, Invalid */
export async function modelFiles(caller: Caller, id: string, path: string) {
  await getModel(caller, id);
  return listArtifacts(caller, path, modelFolder(id));
}

/** Which step a model is the output of. @throws NotFound for a model of another run */
export async function logOutputs(caller: Caller, { models }: z.infer<typeof LogOutputs>): Promise<void> {
  for (const { model_id, step } of models) {
    await patched(caller, model_id, { tags: { [OUTPUT_STEP]: String(step) } });
  }
}
