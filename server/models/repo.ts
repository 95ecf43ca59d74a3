/** SQL of models, versions and evaluations. Every query takes the team. */
import { and, asc, desc, eq, inArray, isNotNull, sql } from "drizzle-orm";
import { dataset } from "../../db/schema/datasets";
import { user } from "../../db/schema/identity";
import { evaluation, model, version } from "../../db/schema/models";
import { run } from "../../db/schema/runs";
import type { DatasetTask } from "../datasets/contract";
import { containing, type Db, startingWith, type Transaction } from "../platform/db";
import type { PairedDifference } from "./contract";

export type ModelRow = typeof model.$inferSelect;
export type VersionRow = typeof version.$inferSelect;

export interface ModelListRow {
  cursor: string;
  id: string;
  name: string;
  task: string;
  updatedAt: Date;
  versions: number;
  latest: {
    id: string;
    number: number;
    digest: string;
    bytes: number;
    state: VersionRow["state"];
    tier: number | null;
  } | null;
  /** Of the newest version that was measured. */
  measured: {
    number: number;
    task: DatasetTask;
    accuracy: number;
    halfWidth: number;
    n: number;
    dataset: string;
  } | null;
}

/** A page of a team's models, last changed first; the cursor is that of the row before. */
export async function listModels(
  db: Db,
  teamId: string,
  page: { query: string; cursor: string | null; limit: number },
): Promise<ModelListRow[]> {
  const [at, id] = page.cursor?.split("|") ?? [];
  const after = at && id ? sql`and (m.updated_at, m.id) < (${at}::timestamptz, ${id})` : sql``;
  const like = containing(page.query);
  const { rows } = await db.execute<Record<string, unknown> & ModelListRow & { updated: string }>(sql`
    select m.updated_at::text || '|' || m.id as cursor, m.id, m.name, m.task, m.updated_at as updated,
           m.next_number - 1 as versions, latest.is as latest, measured.is as measured
    from model m
    left join lateral (
      select json_build_object('id', v.id, 'number', v.number, 'digest', v.digest, 'bytes', v.bytes,
                               'state', v.state, 'tier', v.tier) as is
      from version v where v.model_id = m.id order by v.number desc limit 1) latest on true
    left join lateral (
      select json_build_object('number', v.number, 'accuracy', e.accuracy, 'n', e.n, 'dataset', d.name,
                               'task', coalesce(e.result ->> 'task', 'classification'),
                               'halfWidth', (e.result ->> 'halfWidth')::float8) as is
      from evaluation e join version v on v.id = e.version_id join dataset d on d.id = e.dataset_id
      where v.model_id = m.id order by v.number desc, e.created_at desc limit 1) measured on true
    where m.team_id = ${teamId} ${after}
      and (${page.query} = '' or m.name ilike ${like} or m.task ilike ${like}
           or exists (select 1 from version v where v.model_id = m.id and v.digest like ${startingWith(page.query)}))
    order by m.updated_at desc, m.id desc
    limit ${page.limit}`);
  return rows.map(({ updated, ...row }) => ({ ...row, updatedAt: new Date(updated) }));
}

export async function countModels(db: Db, teamId: string): Promise<{ models: number; versions: number }> {
  const { rows } = await db.execute<{ models: number; versions: number }>(sql`
    select (select count(*)::int from model where team_id = ${teamId}) as models,
           (select count(*)::int from version where team_id = ${teamId}) as versions`);
  return rows[0] ?? { models: 0, versions: 0 };
}

/** The newest ready version of each model, last changed first, with what it takes and answers. */
export async function listNewestReady(db: Db, teamId: string, limit: number) {
  const { rows } = await db.execute<{
    id: string;
    model: string;
    number: number;
    inputs: unknown;
    outputs: unknown;
  }>(sql`
    select v.id, m.name as model, v.number, v.inputs, v.outputs
    from model m
    join lateral (
      select v.id, v.number, v.inspection -> 'inputs' as inputs, v.inspection -> 'outputs' as outputs
      from version v where v.model_id = m.id and v.team_id = ${teamId} and v.state = 'ready'
      order by v.number desc limit 1) v on true
    where m.team_id = ${teamId}
    order by m.updated_at desc, m.id desc
    limit ${limit}`);
  return rows;
}

/** The newest run of each of these versions that fed, or feeds, it a batch of a dataset. */
export async function listNewestTries(
  db: Db,
  teamId: string,
  datasetId: string,
  versionIds: readonly string[],
) {
  return db
    .selectDistinctOn([run.versionId], {
      versionId: run.versionId,
      number: run.number,
      state: run.state,
      progress: run.progress,
      cause: run.cause,
      batch: sql<unknown>`${run.result} -> 'batch'`,
      createdAt: run.createdAt,
      endedAt: run.endedAt,
    })
    .from(run)
    .where(
      and(
        eq(run.teamId, teamId),
        eq(run.datasetId, datasetId),
        inArray(run.versionId, [...versionIds]),
        inArray(run.kind, ["try_batch", "inspect_dataset"]),
      ),
    )
    .orderBy(run.versionId, desc(run.createdAt));
}

export async function findModelByName(db: Db, teamId: string, name: string): Promise<ModelRow | undefined> {
  return (
    await db
      .select()
      .from(model)
      .where(and(eq(model.teamId, teamId), eq(model.name, name)))
  )[0];
}

export async function insertModel(
  tx: Transaction,
  row: Pick<ModelRow, "id" | "teamId" | "name" | "task" | "createdBy">,
): Promise<void> {
  await tx.insert(model).values(row);
}

/** Takes the next version number of a model; concurrent takers wait for each other. */
export async function takeNumber(tx: Transaction, teamId: string, modelId: string) {
  const [row] = await tx
    .update(model)
    .set({ nextNumber: sql`${model.nextNumber} + 1`, updatedAt: sql`now()` })
    .where(and(eq(model.id, modelId), eq(model.teamId, teamId)))
    .returning({ next: model.nextNumber, name: model.name });
  return row && { number: row.next - 1, name: row.name };
}

export const touchModel = (tx: Db, teamId: string, modelId: string) =>
  tx
    .update(model)
    .set({ updatedAt: sql`now()` })
    .where(and(eq(model.id, modelId), eq(model.teamId, teamId)));

export async function insertVersion(tx: Transaction, row: typeof version.$inferInsert): Promise<void> {
  await tx.insert(version).values(row);
}

export async function findVersion(db: Db, teamId: string, versionId: string) {
  const [row] = await db
    .select({ version, model, createdByName: user.name })
    .from(version)
    .innerJoin(model, eq(model.id, version.modelId))
    .leftJoin(user, eq(user.id, version.createdBy))
    .where(and(eq(version.teamId, teamId), eq(version.id, versionId)));
  return row;
}

export async function findVersionByNumber(db: Db, teamId: string, modelName: string, number: number) {
  const [row] = await db
    .select({ id: version.id })
    .from(version)
    .innerJoin(model, eq(model.id, version.modelId))
    .where(and(eq(version.teamId, teamId), eq(model.name, modelName), eq(version.number, number)));
  return row;
}

/** What an inspection found; only a version that is being inspected takes it. */
export async function settleVersion(
  tx: Transaction,
  teamId: string,
  versionId: string,
  found: Partial<Pick<VersionRow, "state" | "inspection" | "tier" | "sizes" | "refusal">>,
) {
  const [row] = await tx
    .update(version)
    .set(found)
    .where(and(eq(version.id, versionId), eq(version.teamId, teamId), eq(version.state, "inspecting")))
    .returning();
  return row;
}

export const setRun = (tx: Transaction, teamId: string, versionId: string, runId: string) =>
  tx
    .update(version)
    .set({ runId })
    .where(and(eq(version.id, versionId), eq(version.teamId, teamId)));

/** What every list of versions says of one; `user` and `run` are joined. */
const VERSION_FACTS = {
  id: version.id,
  number: version.number,
  digest: version.digest,
  bytes: version.bytes,
  state: version.state,
  origin: version.origin,
  tier: version.tier,
  recipe: version.recipe,
  sizes: version.sizes,
  note: version.note,
  createdAt: version.createdAt,
  createdByName: user.name,
  runNumber: run.number,
};

/** All versions of a model as a merge asks of them: lineage, weights' shapes, and accuracy on a dataset. */
export async function listKin(db: Db, teamId: string, modelId: string, datasetId: string | null) {
  const latest = db
    .selectDistinctOn([evaluation.versionId], {
      versionId: evaluation.versionId,
      accuracy: evaluation.accuracy,
    })
    .from(evaluation)
    .where(
      and(
        eq(evaluation.teamId, teamId),
        datasetId === null ? sql`false` : eq(evaluation.datasetId, datasetId),
      ),
    )
    .orderBy(evaluation.versionId, desc(evaluation.createdAt))
    .as("latest");
  return db
    .select({
      id: version.id,
      number: version.number,
      state: version.state,
      tier: version.tier,
      parentId: version.parentId,
      mergedWithId: version.mergedWithId,
      floatDigest: version.floatDigest,
      inspection: version.inspection,
      accuracy: latest.accuracy,
    })
    .from(version)
    .leftJoin(latest, eq(latest.versionId, version.id))
    .where(and(eq(version.teamId, teamId), eq(version.modelId, modelId)))
    .orderBy(asc(version.number));
}

/** All versions of a model with their newest evaluation and the run that made or inspects them, oldest first. */
export async function listVersions(db: Db, teamId: string, modelId: string) {
  const latest = db
    .selectDistinctOn([evaluation.versionId], {
      versionId: evaluation.versionId,
      accuracy: evaluation.accuracy,
      n: evaluation.n,
      halfWidth: sql<number>`(${evaluation.result} ->> 'halfWidth')::float8`.as("half_width"),
      task: sql<DatasetTask>`coalesce(${evaluation.result} ->> 'task', 'classification')`.as("task"),
      datasetId: evaluation.datasetId,
    })
    .from(evaluation)
    .where(eq(evaluation.teamId, teamId))
    .orderBy(evaluation.versionId, desc(evaluation.createdAt))
    .as("latest");
  const toParent = sql<(PairedDifference & { task: DatasetTask }) | null>`(
    select jsonb_build_object('task', 'classification') || jsonb_strip_nulls(jsonb_build_object('task', result -> 'task'))
           || (result -> 'paired') from evaluation against_parent
    where against_parent.team_id = ${teamId} and against_parent.version_id = ${version.id}
      and against_parent.baseline_version_id = ${version.parentId}
      and jsonb_typeof(result -> 'paired') = 'object'
    order by against_parent.created_at desc limit 1)`;
  const mergedWithNumber = sql<
    number | null
  >`(select number from version other where other.team_id = ${teamId} and other.id = ${version.mergedWithId})`;
  return db
    .select({
      ...VERSION_FACTS,
      parentId: version.parentId,
      mergedWithNumber,
      refusal: version.refusal,
      runKind: run.kind,
      task: latest.task,
      accuracy: latest.accuracy,
      n: latest.n,
      halfWidth: latest.halfWidth,
      datasetId: latest.datasetId,
      toParent,
    })
    .from(version)
    .leftJoin(latest, eq(latest.versionId, version.id))
    .leftJoin(user, eq(user.id, version.createdBy))
    .leftJoin(run, eq(run.id, version.runId))
    .where(and(eq(version.teamId, teamId), eq(version.modelId, modelId)))
    .orderBy(asc(version.number));
}

export async function listEvaluations(db: Db, teamId: string, versionId: string) {
  const baseline = sql<
    number | null
  >`(select number from version b where b.id = ${evaluation.baselineVersionId})`;
  return db
    .select({
      id: evaluation.id,
      datasetId: evaluation.datasetId,
      datasetName: dataset.name,
      labels: dataset.labels,
      baselineVersionId: evaluation.baselineVersionId,
      baselineNumber: baseline,
      runId: evaluation.runId,
      runNumber: run.number,
      result: evaluation.result,
      digest: evaluation.digest,
      createdAt: evaluation.createdAt,
    })
    .from(evaluation)
    .innerJoin(dataset, eq(dataset.id, evaluation.datasetId))
    .leftJoin(run, eq(run.id, evaluation.runId))
    .where(and(eq(evaluation.teamId, teamId), eq(evaluation.versionId, versionId)))
    .orderBy(desc(evaluation.createdAt));
}

/** Versions by their numbers with everything that is compared, oldest first. */
export async function listForCompare(db: Db, teamId: string, modelId: string, numbers: readonly number[]) {
  const parentNumber = sql<number | null>`(
    select number from version parent where parent.team_id = ${teamId} and parent.id = ${version.parentId})`;
  return db
    .select({
      ...VERSION_FACTS,
      parentNumber,
      inspection: version.inspection,
      provenance: version.provenance,
    })
    .from(version)
    .leftJoin(user, eq(user.id, version.createdBy))
    .leftJoin(run, and(eq(run.id, version.runId), eq(run.teamId, teamId)))
    .where(
      and(eq(version.teamId, teamId), eq(version.modelId, modelId), inArray(version.number, [...numbers])),
    )
    .orderBy(asc(version.number));
}

/** The newest evaluation of each of these versions on each dataset. */
export async function newestEvaluations(db: Db, teamId: string, versionIds: readonly string[]) {
  return db
    .selectDistinctOn([evaluation.versionId, evaluation.datasetId], {
      versionId: evaluation.versionId,
      datasetId: evaluation.datasetId,
      datasetName: dataset.name,
      labels: dataset.labels,
      baselineVersionId: evaluation.baselineVersionId,
      result: evaluation.result,
      createdAt: evaluation.createdAt,
    })
    .from(evaluation)
    .innerJoin(dataset, and(eq(dataset.id, evaluation.datasetId), eq(dataset.teamId, teamId)))
    .where(and(eq(evaluation.teamId, teamId), inArray(evaluation.versionId, [...versionIds])))
    .orderBy(evaluation.versionId, evaluation.datasetId, desc(evaluation.createdAt));
}

export async function insertEvaluation(tx: Transaction, row: typeof evaluation.$inferInsert): Promise<void> {
  await tx.insert(evaluation).values(row);
}

/** The run that made or inspects a version, as its page shows it. */
export async function findRun(db: Db, teamId: string, runId: string) {
  const [row] = await db
    .select({
      id: run.id,
      number: run.number,
      kind: run.kind,
      state: run.state,
      progress: run.progress,
      cause: run.cause,
      createdAt: run.createdAt,
      endedAt: run.endedAt,
    })
    .from(run)
    .where(and(eq(run.id, runId), eq(run.teamId, teamId)));
  return row;
}

/** The version that a run made, with the evaluation it came with. */
export async function findMadeBy(db: Db, teamId: string, runId: string) {
  const [row] = await db
    .select({
      versionId: version.id,
      number: version.number,
      bytes: version.bytes,
      task: sql<DatasetTask>`coalesce(${evaluation.result} ->> 'task', 'classification')`,
      accuracy: evaluation.accuracy,
    })
    .from(version)
    .leftJoin(evaluation, and(eq(evaluation.versionId, version.id), eq(evaluation.runId, runId)))
    .where(and(eq(version.teamId, teamId), eq(version.runId, runId), isNotNull(version.parentId)));
  return row;
}

/** Runs that measure or inspect this version now. */
export async function listOpenRuns(db: Db, teamId: string, versionId: string) {
  return db
    .select({
      id: run.id,
      number: run.number,
      kind: run.kind,
      title: run.title,
      state: run.state,
      progress: run.progress,
    })
    .from(run)
    .where(
      and(eq(run.teamId, teamId), eq(run.versionId, versionId), sql`${run.state} in ('queued', 'running')`),
    )
    .orderBy(desc(run.createdAt));
}

/** The sample model's version where it was never measured and nothing measures it. */
export async function findUnmeasuredSample(tx: Transaction, teamId: string) {
  const [row] = await tx
    .select({ versionId: version.id })
    .from(version)
    .where(
      and(
        eq(version.teamId, teamId),
        eq(version.origin, "sample"),
        eq(version.state, "ready"),
        isNotNull(version.inspection),
        sql`not exists (select 1 from run r where r.version_id = ${version.id} and r.kind = 'evaluate')`,
      ),
    );
  return row;
}
