/** SQL of datasets. Every query takes the team. */
import { and, eq, sql } from "drizzle-orm";
import { dataset } from "../../db/schema/datasets";
import { user } from "../../db/schema/identity";
import { run } from "../../db/schema/runs";
import { containing, type Db, startingWith, type Transaction } from "../platform/db";

export type DatasetRow = typeof dataset.$inferSelect;

const cursor = sql<string>`${dataset.createdAt}::text || '|' || ${dataset.id}`;

/** A page of a team's datasets, newest first. */
export async function listDatasets(
  db: Db,
  teamId: string,
  page: { query: string; cursor: string | null; limit: number },
) {
  const [at, id] = page.cursor?.split("|") ?? [];
  const like = containing(page.query);
  return db
    .select({
      cursor,
      id: dataset.id,
      name: dataset.name,
      digest: dataset.digest,
      state: dataset.state,
      origin: dataset.origin,
      files: dataset.files,
      refusal: dataset.refusal,
      createdAt: dataset.createdAt,
      // A report carries pictures and rows; a list does without.
      report: sql<unknown>`${dataset.report} - 'previews' - 'rows' - 'table'`,
    })
    .from(dataset)
    .where(
      and(
        eq(dataset.teamId, teamId),
        page.query
          ? sql`(${dataset.name} ilike ${like} or ${dataset.digest} like ${startingWith(page.query)})`
          : undefined,
        at && id ? sql`(${dataset.createdAt}, ${dataset.id}) < (${at}::timestamptz, ${id})` : undefined,
      ),
    )
    .orderBy(sql`${dataset.createdAt} desc, ${dataset.id} desc`)
    .limit(page.limit);
}

export async function countDatasets(db: Db, teamId: string): Promise<number> {
  return db.$count(dataset, eq(dataset.teamId, teamId));
}

export async function findDataset(db: Db, teamId: string, where: { id: string } | { name: string }) {
  const [row] = await db
    .select({ dataset, createdByName: user.name, run })
    .from(dataset)
    .leftJoin(user, eq(user.id, dataset.createdBy))
    .leftJoin(run, eq(run.id, dataset.runId))
    .where(
      and(
        eq(dataset.teamId, teamId),
        "id" in where ? eq(dataset.id, where.id) : eq(dataset.name, where.name),
      ),
    );
  return row;
}

export async function insertDataset(tx: Transaction, row: typeof dataset.$inferInsert): Promise<void> {
  await tx.insert(dataset).values(row);
}

export const setRun = (tx: Transaction, teamId: string, datasetId: string, runId: string) =>
  tx
    .update(dataset)
    .set({ runId })
    .where(and(eq(dataset.id, datasetId), eq(dataset.teamId, teamId)));

/** What a check found; only a dataset that is being checked takes it. */
export async function settleDataset(
  tx: Transaction,
  teamId: string,
  datasetId: string,
  found: Partial<
    Pick<DatasetRow, "state" | "report" | "refusal" | "transform" | "digest" | "split" | "labels">
  >,
): Promise<void> {
  await tx
    .update(dataset)
    .set(found)
    .where(and(eq(dataset.id, datasetId), eq(dataset.teamId, teamId), eq(dataset.state, "checking")));
}

export async function findSample(db: Db, teamId: string): Promise<string | null> {
  const [row] = await db
    .select({ id: dataset.id })
    .from(dataset)
    .where(and(eq(dataset.teamId, teamId), eq(dataset.origin, "sample"), eq(dataset.state, "ready")));
  return row?.id ?? null;
}

/** How often and by what a dataset was used. */
export async function countUses(db: Db, teamId: string, datasetId: string) {
  const { rows } = await db.execute<{
    evaluations: number;
    versions: number;
    sessions: number;
    training: number;
  }>(sql`
    select (select count(*)::int from evaluation where team_id = ${teamId} and dataset_id = ${datasetId}) as evaluations,
           (select count(distinct version_id)::int from evaluation
             where team_id = ${teamId} and dataset_id = ${datasetId}) as versions,
           (select count(*)::int from studio_session where team_id = ${teamId} and dataset_id = ${datasetId}
             and state in ('opening', 'ready')) as sessions,
           (select count(*)::int from run where team_id = ${teamId} and dataset_id = ${datasetId}
             and kind = 'train') as training`);
  return rows[0] ?? { evaluations: 0, versions: 0, sessions: 0, training: 0 };
}
