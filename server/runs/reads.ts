/** What screens and other slices read of runs. Every query names the team. */
import { and, asc, desc, eq, ilike, inArray, lt, or, type SQL, sql } from "drizzle-orm";
import type { z } from "zod";
import { node } from "../../db/schema/cluster";
import { dataset } from "../../db/schema/datasets";
import { user } from "../../db/schema/identity";
import { model, version } from "../../db/schema/models";
import { attempt, checkpoint, run, runArtifact } from "../../db/schema/runs";
import { containing, type Db } from "../platform/db";
import { NotFound } from "../platform/errors";
import { type Run, toAttempt, toRun } from "./records";
import type { ListRuns } from "./screens";

/** @throws NotFound for another team's run too */
export async function getRun(db: Db, teamId: string, runId: string) {
  const [row] = await db
    .select()
    .from(run)
    .where(and(eq(run.id, runId), eq(run.teamId, teamId)));
  if (!row) throw new NotFound("There is no such run in this team.");
  return toRun(row);
}

/** @throws NotFound */
export async function runByNumber(db: Db, teamId: string, number: number) {
  const [row] = await db
    .select()
    .from(run)
    .where(and(eq(run.teamId, teamId), eq(run.number, number)));
  if (!row) throw new NotFound(`There is no run ${number} in this team.`);
  return toRun(row);
}

/** In the order of their numbers. @throws NotFound naming those that are not there, another team's among them */
export async function runsByNumber(db: Db, teamId: string, numbers: readonly number[]) {
  const rows = await db
    .select()
    .from(run)
    .where(and(eq(run.teamId, teamId), inArray(run.number, [...numbers])))
    .orderBy(asc(run.number));
  const found = new Set(rows.map((row) => row.number));
  const missing = [...new Set(numbers)].filter((number) => !found.has(number));
  if (missing.length > 0)
    throw new NotFound(`There is no run ${missing.join(", ")} in this team.`, {
      remedy: "The list of runs shows those there are; choose among them.",
    });
  return rows.map(toRun);
}

/** What nodes are called, by Ray's id. */
export async function nodeNames(db: Db, nodeIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await db
    .select({ nodeId: node.nodeId, name: node.name })
    .from(node)
    .where(inArray(node.nodeId, [...nodeIds]));
  return new Map(rows.map((row) => [row.nodeId, row.name]));
}

export const attemptsOf = async (db: Db, runId: string) =>
  (await db.select().from(attempt).where(eq(attempt.runId, runId)).orderBy(asc(attempt.number))).map(
    toAttempt,
  );

export const checkpointsOf = (db: Db, runId: string, limit = 1000) =>
  db
    .select({
      id: checkpoint.id,
      step: checkpoint.step,
      sha256: checkpoint.sha256,
      bytes: checkpoint.bytes,
      metrics: checkpoint.metrics,
      attemptId: checkpoint.attemptId,
      attempt: attempt.number,
      createdAt: checkpoint.createdAt,
    })
    .from(checkpoint)
    .innerJoin(attempt, eq(attempt.id, checkpoint.attemptId))
    .where(eq(checkpoint.runId, runId))
    .orderBy(desc(checkpoint.createdAt))
    .limit(limit);

/** The run that another repeats or goes on from; for a rerun also whether both results are the same bytes. */
export async function originOf(db: Db, of: Run) {
  if (!of.originId || !of.originKind) return null;
  const origin = await getRun(db, of.teamId, of.originId);
  const isSame =
    of.originKind === "rerun" && of.state === "succeeded" && origin.state === "succeeded"
      ? sameBytes(await resultBytes(db, origin), await resultBytes(db, of))
      : null;
  return { number: origin.number, kind: of.originKind, isSame };
}

/** What a run left, by name: the files of its version, or the artifacts that its script logged. */
async function resultBytes(db: Db, of: Run): Promise<Map<string, string>> {
  if (of.result?.kind === "train") {
    const { model: serves, float } = of.result.artifacts;
    return new Map([
      ["model", serves.sha256],
      ["float", float.sha256],
    ]);
  }
  const rows = await db
    .select({ path: runArtifact.path, sha256: runArtifact.sha256 })
    .from(runArtifact)
    .where(and(eq(runArtifact.runId, of.id), eq(runArtifact.teamId, of.teamId)));
  return new Map(rows.map(({ path, sha256 }) => [path, sha256]));
}

/** Null where neither left anything. */
function sameBytes(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean | null {
  if (a.size === 0 && b.size === 0) return null;
  return a.size === b.size && [...a].every(([name, sha256]) => b.get(name) === sha256);
}

/** Names behind the ids of a run, for links. */
export async function subjectsOf(
  db: Db,
  teamId: string,
  of: Pick<Run, "versionId" | "resultVersionId" | "datasetId" | "createdBy">,
) {
  const ids = [of.versionId, of.resultVersionId].filter((id) => id !== null);
  const [versions, datasets, people] = await Promise.all([
    db
      .select({ id: version.id, model: model.name, number: version.number, digest: version.digest })
      .from(version)
      .innerJoin(model, eq(model.id, version.modelId))
      .where(and(inArray(version.id, ids), eq(version.teamId, teamId))),
    db
      .select({ id: dataset.id, name: dataset.name })
      .from(dataset)
      .where(and(eq(dataset.id, of.datasetId ?? ""), eq(dataset.teamId, teamId))),
    db
      .select({ name: user.name })
      .from(user)
      .where(eq(user.id, of.createdBy ?? "")),
  ]);
  return {
    version: versions.find((v) => v.id === of.versionId) ?? null,
    resultVersion: versions.find((v) => v.id === of.resultVersionId) ?? null,
    dataset: datasets[0] ?? null,
    createdByName: people[0]?.name ?? null,
  };
}

/** Who launched runs of the team, by name. */
export const launchersOf = (db: Db, teamId: string) =>
  db
    .selectDistinct({ id: user.id, name: user.name })
    .from(run)
    .innerJoin(user, eq(user.id, run.createdBy))
    .where(eq(run.teamId, teamId))
    .orderBy(asc(user.name), asc(user.id));

/** Newest first; the cursor is the number of the last one seen. */
export async function listRuns(
  db: Db,
  { teamId, personId }: { teamId: string; personId: string },
  input: z.infer<typeof ListRuns>,
) {
  const filters: (SQL | undefined)[] = [eq(run.teamId, teamId)];
  if (input.kinds) filters.push(inArray(run.kind, input.kinds));
  if (input.states) filters.push(inArray(run.state, input.states));
  if (input.by) filters.push(eq(run.createdBy, input.by));
  if (input.isMine) filters.push(eq(run.createdBy, personId));
  if (input.modelId) filters.push(eq(run.modelId, input.modelId));
  if (input.cursor) filters.push(lt(run.number, input.cursor));
  const search = input.query?.trim();
  if (search) {
    const number = /^#?(\d{1,9})$/.exec(search)?.[1];
    filters.push(
      or(ilike(run.title, containing(search)), number ? eq(run.number, Number(number)) : undefined),
    );
  }
  const rows = await db
    .select({
      run,
      modelName: model.name,
      by: user.name,
      attempts: sql<number>`(select count(*)::int from attempt where attempt.run_id = ${run.id})`,
    })
    .from(run)
    .leftJoin(model, eq(model.id, run.modelId))
    .leftJoin(user, eq(user.id, run.createdBy))
    .where(and(...filters))
    .orderBy(desc(run.number))
    .limit(input.limit + 1);
  const page = rows.slice(0, input.limit);
  return {
    runs: page.map((row) => {
      const r = toRun(row.run);
      return {
        id: r.id,
        number: r.number,
        kind: r.kind,
        title: r.title,
        state: r.state,
        stopRequestedAt: r.stopRequestedAt,
        pauseRequestedAt: r.pauseRequestedAt,
        clusterId: r.clusterId,
        priority: r.priority,
        progress: r.progress,
        resources: r.resources,
        attempts: row.attempts,
        cause: r.cause,
        model: r.modelId && row.modelName ? { id: r.modelId, name: row.modelName } : null,
        createdByName: row.by,
        createdAt: r.createdAt,
        startedAt: r.startedAt,
        endedAt: r.endedAt,
      };
    }),
    nextCursor: rows.length > input.limit ? (page.at(-1)?.run.number ?? null) : null,
  };
}
