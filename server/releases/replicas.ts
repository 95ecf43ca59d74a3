/** Replicas between this slice and the engine: which are desired, and what was observed of them. */
import { and, eq, isNull, ne, sql } from "drizzle-orm";
import type { z } from "zod";
import { model, version } from "../../db/schema/models";
import { replica } from "../../db/schema/releases";
import type { DesiredReplica, ObservedService } from "../engine/contract";
import { laneName } from "../gateway/contract";
import type { Db, Transaction } from "../platform/db";
import { emit } from "../platform/live/outbox";
import { deriveToken } from "../platform/tokens";
import { recordPlacement } from "./placements";

/** A replica mostly waits for requests, so it claims little; what it uses is up to the node. */
const REPLICA = { cpus: 0.1, maxBatch: 32, maxDelayMs: 2, maxQueue: 256 };

/** Every replica a cluster should keep alive. Each calls itself by the name that its lane is asked under. */
export async function desiredReplicas(db: Db, clusterId: string): Promise<z.infer<typeof DesiredReplica>[]> {
  const rows = await db
    .select({
      replicaId: replica.id,
      model: model.name,
      environment: replica.environment,
      versionNumber: version.number,
      digest: version.digest,
    })
    .from(replica)
    .innerJoin(version, eq(version.id, replica.versionId))
    .innerJoin(model, eq(model.id, replica.modelId))
    .where(and(eq(replica.clusterId, clusterId), isNull(replica.undesiredAt)))
    .orderBy(replica.createdAt);
  return rows.map(({ model: name, environment, ...row }) => ({
    ...row,
    ...REPLICA,
    modelName: laneName(name, environment),
    token: deriveToken("replica", row.replicaId),
  }));
}

/** Takes an observation of a replica; what did not change writes nothing. @param at of the report; it never goes back */
export async function observeReplica(
  tx: Transaction,
  seen: z.infer<typeof ObservedService>,
  at: Date,
): Promise<void> {
  const { state, address, nodeId, pid, message } = seen;
  const changed = await tx
    .update(replica)
    .set({
      state,
      address,
      nodeId,
      pid,
      message,
      endedAt: sql`case when ${state} in ('failed', 'stopped') and ${replica.undesiredAt} is null
        then coalesce(${replica.endedAt}, now()) else ${replica.endedAt} end`,
      readyAt: state === "ready" ? sql`coalesce(${replica.readyAt}, now())` : replica.readyAt,
    })
    .where(
      and(
        eq(replica.id, seen.id),
        // A replica that ended is never the same process again.
        ne(replica.state, "stopped"),
        sql`(${replica.state}, ${replica.address}, ${replica.nodeId}, ${replica.pid}, ${replica.message})
          is distinct from (${state}::text, ${address}::text, ${nodeId}::text, ${pid}::int, ${message}::text)`,
      ),
    )
    .returning({
      ...{ id: replica.id, teamId: replica.teamId, modelId: replica.modelId },
      clusterId: replica.clusterId,
    });
  const [row] = changed;
  if (!row) return;
  await recordPlacement(tx, row, state === "starting" || state === "ready" ? nodeId : null, at);
  await emit(tx, { teamId: row.teamId, topic: "releases", key: row.modelId });
}
