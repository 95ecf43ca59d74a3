/** What the cluster should keep warm for the studio, what it says of it, and the version a commit results in. */
import type { z } from "zod";
import { DatasetRef } from "../datasets/contract";
import { datasetRef } from "../datasets/service";
import type { DesiredSession, ObservedService } from "../engine/contract";
import { desireChanged } from "../engine/service";
import { createVersionFromRun, versionForWork } from "../models/service";
import { config } from "../platform/config";
import { transact } from "../platform/context";
import type { Database, Db, Transaction } from "../platform/db";
import { emit } from "../platform/live/outbox";
import { deriveToken } from "../platform/tokens";
import { CompressSpec } from "../runs/contract";
import type { Finisher } from "../runs/service";
import { CommitIntent } from "./contract";
import * as repo from "./repo";

const SESSION_CPUS = 1;

/** The sessions that a cluster should hold. */
export async function desiredSessions(db: Db, clusterId: string): Promise<z.infer<typeof DesiredSession>[]> {
  const rows = await repo.listDesired(db, clusterId);
  const sessions: z.infer<typeof DesiredSession>[] = [];
  // One after the other: `db` may be a transaction.
  for (const row of rows) {
    const { digest, floatDigest } = await versionForWork(db, row.teamId, row.versionId);
    sessions.push({
      sessionId: row.id,
      token: deriveToken("session", row.id),
      model: digest,
      floatModel: floatDigest,
      // The protocol knows no more of a dataset than this.
      dataset: DatasetRef.parse(await datasetRef(db, row.teamId, row.datasetId)),
      cpus: SESSION_CPUS,
    });
  }
  return sessions;
}

type Observed = z.infer<typeof ObservedService>;

/** What an observation makes of a session that is wanted; one that stopped is opened again by the agent. */
export function sessionState(seen: Observed): Parameters<typeof repo.observe>[2] {
  const { address, nodeId, message } = seen;
  if (seen.state === "ready" && address) return { state: "ready", address, nodeId, message };
  if (seen.state === "failed") return { state: "failed", address: null, nodeId: null, message };
  return { state: "opening", address: null, nodeId, message };
}

/** Takes what the agent saw of a session. */
export async function observeSession(tx: Transaction, seen: Observed): Promise<void> {
  const changed = await repo.observe(tx, seen.id, sessionState(seen));
  if (!changed) return;
  await emit(tx, { teamId: changed.teamId, topic: "studio", key: seen.id });
  // A failed session is not wanted any more.
  if (seen.state === "failed") await desireChanged(tx, changed.clusterId);
}

/** Lets sessions go that nobody has used for a while; opening the studio brings them back. */
export async function closeIdleSessions(db: Database): Promise<void> {
  await transact({ db }, async (tx) => {
    const closed = await repo.closeIdle(tx, config().sessionIdleSeconds);
    for (const { id, teamId } of closed) await emit(tx, { teamId, topic: "studio", key: id });
    for (const clusterId of new Set(closed.map((c) => c.clusterId))) await desireChanged(tx, clusterId);
  });
}

/** A finished commit becomes a version, in the transaction that ends the run. */
export const finishCommit: Finisher = async (tx, run, outcome) => {
  if (outcome.state === "succeeded" && outcome.result.kind === "compress" && run.modelId && run.versionId) {
    const spec = CompressSpec.parse(run.spec);
    const { artifacts, achieved, recipeDigest } = outcome.result;
    const { note, mergedWithId } = CommitIntent.parse(run.intent);
    await createVersionFromRun(tx, run, {
      modelId: run.modelId,
      parentId: run.versionId,
      mergedWithId,
      datasetId: spec.dataset.datasetId,
      origin: "compress",
      artifacts,
      recipe: { kind: "compress", recipe: spec.recipe, achieved, digest: recipeDigest },
      note,
      provenance: { seed: spec.recipe.calibrationSeed },
    });
  }
  await emit(tx, { teamId: run.teamId, topic: "studio", key: run.id });
};
