/** What a run tracked, as rows. A run's rows are found by team and run. */
import { and, asc, count, desc, eq, inArray, like, or, sql } from "drizzle-orm";
import { model, version } from "../../../db/schema/models";
import { loggedModel, runArtifact, runParam, runTag } from "../../../db/schema/runs";
import { type Db, startingWith, type Transaction } from "../../platform/db";
import { isLogged } from "../metrics";
import { pointsAfter } from "../points/read";
import type { SeriesPoint } from "../points/store";
import type { KeyValue } from "./contract";

/** Whose rows are meant. */
export interface Whose {
  teamId: string;
  runId: string;
}

const byKey = (a: { key: string }, b: { key: string }): number => (a.key < b.key ? -1 : 1);
const ofRun = (table: typeof runParam | typeof runTag | typeof runArtifact | typeof loggedModel, of: Whose) =>
  and(eq(table.runId, of.runId), eq(table.teamId, of.teamId));

export const paramsOf = (db: Db, of: Whose): Promise<KeyValue[]> =>
  db
    .select({ key: runParam.key, value: runParam.value })
    .from(runParam)
    .where(ofRun(runParam, of))
    .orderBy(asc(runParam.key));

/** The same of several runs, by their ids. */
export async function paramsOfRuns(
  db: Db,
  teamId: string,
  runIds: readonly string[],
): Promise<Map<string, KeyValue[]>> {
  const rows = await db
    .select({ runId: runParam.runId, key: runParam.key, value: runParam.value })
    .from(runParam)
    .where(and(eq(runParam.teamId, teamId), inArray(runParam.runId, [...runIds])))
    .orderBy(asc(runParam.key));
  const byRun = new Map<string, KeyValue[]>();
  for (const { runId, ...param } of rows) {
    const known = byRun.get(runId) ?? [];
    known.push(param);
    byRun.set(runId, known);
  }
  return byRun;
}

export const tagsOf = (db: Db, of: Whose): Promise<KeyValue[]> =>
  db
    .select({ key: runTag.key, value: runTag.value })
    .from(runTag)
    .where(ofRun(runTag, of))
    .orderBy(asc(runTag.key));

/** Stores those that are missing; answers what each of the keys holds now. In key order, so that two batches never wait for each other. */
export async function keepParams(tx: Transaction, of: Whose, params: KeyValue[]): Promise<KeyValue[]> {
  const rows = [...params].sort(byKey).map((param) => ({ ...of, ...param }));
  await tx.insert(runParam).values(rows).onConflictDoNothing();
  return tx
    .select({ key: runParam.key, value: runParam.value })
    .from(runParam)
    .where(
      and(
        ofRun(runParam, of),
        inArray(
          runParam.key,
          params.map((param) => param.key),
        ),
      ),
    );
}

/** The last of each key is kept. */
export async function putTags(tx: Db, of: Whose, tags: KeyValue[]): Promise<void> {
  const last = new Map(tags.map((tag) => [tag.key, { ...of, ...tag }]));
  await tx
    .insert(runTag)
    .values([...last.values()].sort(byKey))
    .onConflictDoUpdate({ target: [runTag.runId, runTag.key], set: { value: sql`excluded.value` } });
}

export async function findTag(db: Db, of: Whose, key: string): Promise<string | null> {
  const [row] = await db
    .select({ value: runTag.value })
    .from(runTag)
    .where(and(ofRun(runTag, of), eq(runTag.key, key)));
  return row?.value ?? null;
}

/** Whether there was one. */
export async function dropTag(tx: Db, of: Whose, key: string): Promise<boolean> {
  const gone = await tx
    .delete(runTag)
    .where(and(ofRun(runTag, of), eq(runTag.key, key)))
    .returning({ key: runTag.key });
  return gone.length > 0;
}

const COUNTED = { params: runParam, tags: runTag, artifacts: runArtifact, models: loggedModel };
export type Counted = keyof typeof COUNTED;

export async function countOf(db: Db, of: Whose, what: Counted): Promise<number> {
  const table = COUNTED[what];
  const [row] = await db.select({ n: count() }).from(table).where(ofRun(table, of));
  return row?.n ?? 0;
}

// --- metrics ---------------------------------------------------------------------------------------------------

export interface StoredMetric {
  key: string;
  value: number;
  /** Unix milliseconds. */
  timestamp: number;
  step: number;
}
type MetricRow = Record<string, unknown> & StoredMetric;

/** Of each metric the point with the greatest (step, timestamp, value), whichever attempt logged it. */
export async function latestMetrics(db: Db, of: Whose): Promise<StoredMetric[]> {
  const { rows } = await db.execute<MetricRow>(sql`
    select distinct on (s.name) s.name as key, r.last as value, r.last_ts::float8 as timestamp, r.last_step::float8 as step
    from series s join run on run.id = s.run_id and run.team_id = ${of.teamId}
    join rollup r on r.series_id = s.id
    where s.run_id = ${of.runId} and s.rank = 0 and ${isLogged}
    order by s.name, r.last_step desc, r.last_ts desc, r.last desc`);
  return rows;
}

/** Points of one metric, attempt after attempt and step after step, after `after`; `next` where there are more. */
export async function history(
  db: Db,
  of: Whose,
  name: string,
  after: SeriesPoint | null,
  limit: number,
): Promise<{ metrics: StoredMetric[]; next: SeriesPoint | null }> {
  const { rows } = await db.execute<{ id: number }>(sql`
    select s.id::float8 as id from series s join run on run.id = s.run_id and run.team_id = ${of.teamId}
    where s.run_id = ${of.runId} and s.rank = 0 and s.name = ${name}`);
  const ids = rows.map(({ id }) => id);
  const points = ids.length > 0 ? await pointsAfter(db, ids, after, limit + 1) : [];
  const page = points.slice(0, limit);
  return {
    metrics: page.map(({ step, ts, value }) => ({ key: name, value, timestamp: ts, step })),
    next: points.length > limit ? (page.at(-1) ?? null) : null,
  };
}

// --- artifacts -------------------------------------------------------------------------------------------------

export const artifactsOf = (db: Db, of: Whose) =>
  db
    .select({
      path: runArtifact.path,
      bytes: runArtifact.bytes,
      sha256: runArtifact.sha256,
      createdAt: runArtifact.createdAt,
    })
    .from(runArtifact)
    .where(ofRun(runArtifact, of))
    .orderBy(asc(runArtifact.path));

/** Versions of the team that are files of this run, whoever made them of it: the newest of each. */
export const versionsOf = (db: Db, of: Whose) =>
  db
    .selectDistinctOn([version.digest], {
      digest: version.digest,
      model: model.name,
      number: version.number,
    })
    .from(runArtifact)
    .innerJoin(version, and(eq(version.digest, runArtifact.sha256), eq(version.teamId, of.teamId)))
    .innerJoin(model, eq(model.id, version.modelId))
    .where(ofRun(runArtifact, of))
    .orderBy(version.digest, desc(version.createdAt));

export async function findArtifact(db: Db, of: Whose, path: string) {
  const [row] = await db
    .select({ path: runArtifact.path, sha256: runArtifact.sha256, bytes: runArtifact.bytes })
    .from(runArtifact)
    .where(and(ofRun(runArtifact, of), eq(runArtifact.path, path)));
  return row ?? null;
}

/** Writers of artifacts of one run take turns: a path may not become a file and a folder at once. */
export async function lockArtifacts(tx: Transaction, of: Whose): Promise<void> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`artifacts:${of.runId}`}, 0))`);
}

/** A file where `path` needs a folder, or one below where it is to be a file. */
export async function clashOf(db: Db, of: Whose, path: string): Promise<string | null> {
  const parts = path.split("/");
  const above = parts.slice(1).map((_, i) => parts.slice(0, i + 1).join("/"));
  const [row] = await db
    .select({ path: runArtifact.path })
    .from(runArtifact)
    .where(
      and(
        ofRun(runArtifact, of),
        or(inArray(runArtifact.path, above), like(runArtifact.path, startingWith(`${path}/`))),
      ),
    )
    .limit(1);
  return row?.path ?? null;
}

export async function putArtifact(
  tx: Transaction,
  of: Whose,
  file: { path: string; sha256: string; bytes: number },
): Promise<void> {
  await tx
    .insert(runArtifact)
    .values({ ...of, ...file })
    .onConflictDoUpdate({
      target: [runArtifact.runId, runArtifact.path],
      set: { sha256: file.sha256, bytes: file.bytes, createdAt: sql`now()` },
    });
}

/** Deletes a file, or all below a folder; answers how many. */
export async function dropArtifacts(tx: Db, of: Whose, path: string): Promise<number> {
  const gone = await tx
    .delete(runArtifact)
    .where(
      and(
        ofRun(runArtifact, of),
        or(eq(runArtifact.path, path), like(runArtifact.path, startingWith(`${path}/`))),
      ),
    )
    .returning({ path: runArtifact.path });
  return gone.length;
}

/** Names in a folder ("" is the root): files with their bytes, folders with null. */
export async function folderOf(
  db: Db,
  of: Whose,
  folder: string,
): Promise<{ name: string; bytes: number | null }[]> {
  const prefix = folder === "" ? "" : `${folder}/`;
  const { rows } = await db.execute<{ name: string; bytes: number | null }>(sql`
    select split_part(rest, '/', 1) as name, case when bool_or(rest like '%/%') then null else max(bytes)::float8 end as bytes
    from (
      select substr(path, ${Array.from(prefix).length + 1}::int) as rest, bytes from run_artifact
      where run_id = ${of.runId} and team_id = ${of.teamId} and path like ${startingWith(prefix)}
    ) as below
    group by 1 order by 1`);
  return rows;
}

// --- logged models ---------------------------------------------------------------------------------------------

export type ModelRow = typeof loggedModel.$inferSelect;

export const modelsOf = (db: Db, of: Whose, limit: number): Promise<ModelRow[]> =>
  db
    .select()
    .from(loggedModel)
    .where(ofRun(loggedModel, of))
    .orderBy(desc(loggedModel.createdAt), asc(loggedModel.id))
    .limit(limit);

export async function findModel(db: Db, of: Whose, id: string): Promise<ModelRow | null> {
  const [row] = await db
    .select()
    .from(loggedModel)
    .where(and(ofRun(loggedModel, of), eq(loggedModel.id, id)));
  return row ?? null;
}

export async function insertModel(tx: Db, row: typeof loggedModel.$inferInsert): Promise<ModelRow> {
  const [created] = await tx.insert(loggedModel).values(row).returning();
  if (!created) throw new Error("the logged model was not inserted");
  return created;
}

/** Null when there is none. Entries are merged into `params` and `tags`, so that two writers lose nothing. */
export async function patchModel(
  tx: Db,
  of: Whose,
  id: string,
  patch: { status?: ModelRow["status"]; params?: Record<string, string>; tags?: Record<string, string> },
): Promise<ModelRow | null> {
  const merged = (column: "params" | "tags") =>
    patch[column] && { [column]: sql`${loggedModel[column]} || ${JSON.stringify(patch[column])}::jsonb` };
  const [row] = await tx
    .update(loggedModel)
    .set({
      updatedAt: sql`now()`,
      ...(patch.status && { status: patch.status }),
      ...merged("params"),
      ...merged("tags"),
    })
    .where(and(ofRun(loggedModel, of), eq(loggedModel.id, id)))
    .returning();
  return row ?? null;
}

export async function dropModelTag(tx: Db, of: Whose, id: string, key: string): Promise<void> {
  await tx
    .update(loggedModel)
    .set({ tags: sql`${loggedModel.tags} - ${key}::text`, updatedAt: sql`now()` })
    .where(and(ofRun(loggedModel, of), eq(loggedModel.id, id)));
}

export async function dropModel(tx: Db, of: Whose, id: string): Promise<void> {
  await tx.delete(loggedModel).where(and(ofRun(loggedModel, of), eq(loggedModel.id, id)));
}
