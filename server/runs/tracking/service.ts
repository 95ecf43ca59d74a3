/** What a run tracked, for people: they read it, and set tags and the note. */
import type { z } from "zod";
import { record } from "../../audit/service";
import { type TeamContext, transact } from "../../platform/context";
import type { Db, Transaction } from "../../platform/db";
import { NotFound } from "../../platform/errors";
import { tellNews } from "../../platform/live/relay";
import { emitRun } from "../lifecycle";
import { runByNumber } from "../reads";
import type { Run } from "../records";
import { lockTeamRun } from "../repo";
import type { SetRunTag, TagOfRun } from "../screens";
import { findArtifact, sendArtifact } from "./artifacts";
import { requireRoom } from "./attempt";
import { checkedPath, checkedTag } from "./names";
import * as repo from "./repo";

/** The tag that is a run's note, as MLflow has it. */
export const NOTE = "mlflow.note.content";
const MAX_MODELS = 10_000;

/** What a run tracked of itself, sorted by key, path, and models newest first. */
export async function trackedOf(ctx: { db: Db; teamId: string }, run: Pick<Run, "id">) {
  const of = { teamId: ctx.teamId, runId: run.id };
  const [params, tags, artifacts, models, versions] = await Promise.all([
    repo.paramsOf(ctx.db, of),
    repo.tagsOf(ctx.db, of),
    repo.artifactsOf(ctx.db, of),
    repo.modelsOf(ctx.db, of, MAX_MODELS),
    repo.versionsOf(ctx.db, of),
  ]);
  return {
    params,
    tags,
    artifacts: artifacts.map((file) => ({
      ...file,
      version: versions.find(({ digest }) => digest === file.sha256) ?? null,
    })),
    models: models.map(({ id, name, modelType, status, createdAt }) => ({
      id,
      name,
      modelType,
      status,
      createdAt,
    })),
  };
}

export const tracked = async (ctx: TeamContext, number: number) =>
  trackedOf(ctx, await runByNumber(ctx.db, ctx.teamId, number));

/** Where a file that a run logged is in the blob store. @throws NotFound, Invalid for a path that leads elsewhere */
export async function artifactOf(
  ctx: TeamContext,
  number: number,
  path: string,
): Promise<{ sha256: string; bytes: number }> {
  const run = await runByNumber(ctx.db, ctx.teamId, number);
  return findArtifact(ctx.db, { teamId: ctx.teamId, runId: run.id }, checkedPath(path));
}

/** The bytes of an artifact. @throws NotFound, Invalid for a path that leads elsewhere */
export async function openArtifact(ctx: TeamContext, number: number, path: string): Promise<Response> {
  const run = await runByNumber(ctx.db, ctx.teamId, number);
  return sendArtifact(ctx.db, { teamId: ctx.teamId, runId: run.id }, checkedPath(path));
}

/** @throws NotFound, Invalid */
export async function setTag(ctx: TeamContext, input: z.infer<typeof SetRunTag>): Promise<void> {
  const tag = checkedTag(input);
  await onTag(ctx, input.run, tag.key, async (tx, of, before) => {
    if (before === tag.value) return null;
    await repo.putTags(tx, of, [tag]);
    await requireRoom(tx, of, "tags");
    return { action: "run.tag_set", after: tag.value };
  });
}

/** @throws NotFound */
export async function deleteTag(ctx: TeamContext, input: z.infer<typeof TagOfRun>): Promise<void> {
  await onTag(ctx, input.run, input.key, async (tx, of) => {
    if (!(await repo.dropTag(tx, of, input.key)))
      throw new NotFound(`Run ${input.run} has no tag ${input.key}.`);
    return { action: "run.tag_removed", after: null };
  });
}

/** Changes one tag of a run under its lock, tells open pages, and writes down who did it. Null changes nothing. */
async function onTag(
  ctx: TeamContext,
  number: number,
  key: string,
  change: (
    tx: Transaction,
    of: repo.Whose,
    before: string | null,
  ) => Promise<{ action: string; after: string | null } | null>,
): Promise<void> {
  const { id } = await runByNumber(ctx.db, ctx.teamId, number);
  await transact(ctx, async (tx) => {
    const run = await lockTeamRun(tx, ctx.teamId, id);
    if (!run) throw new NotFound(`There is no run ${number} in this team.`);
    const of = { teamId: ctx.teamId, runId: run.id };
    const before = await repo.findTag(tx, of, key);
    const changed = await change(tx, of, before);
    if (!changed) return;
    await emitRun(tx, run);
    await record(tx, ctx, {
      action: changed.action,
      target: { kind: "run", id: run.id },
      summary: summaryOf(number, key, changed.after),
      before: before === null ? null : { [key]: before },
      after: changed.after === null ? null : { [key]: changed.after },
    });
  });
  tellNews(id, "tracked");
}

function summaryOf(number: number, key: string, after: string | null): string {
  if (key === NOTE) return `${after === null ? "Removed" : "Wrote"} the note of run ${number}`;
  return after === null
    ? `Removed the tag ${key} of run ${number}`
    : `Set the tag ${key} of run ${number} to ${after.slice(0, 80)}`;
}
