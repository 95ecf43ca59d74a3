/** Nodes that were up and runs that were on them, as the books find them: for slice tests. */
import { eq, sql } from "drizzle-orm";
import { node, nodeInterval } from "../../db/schema/cluster";
import { attempt, run } from "../../db/schema/runs";
import { defaultClusterId } from "../engine/service";
import type { TeamContext } from "../platform/context";
import type { Database } from "../platform/db";
import { newId } from "../platform/ids";
import { createRun } from "../runs/service";
import { TRAINING } from "../runs/testing";

const ago = (hours: number) => sql`now() - make_interval(secs => ${hours * 3600}::float8)`;

/** A node of 4 CPUs that has been up since so many hours. */
export async function upSince(db: Database, hours: number, pricePerHour: number | null, pool = "local-cpu") {
  const id = newId("node");
  const clusterId = await defaultClusterId(db);
  await db.insert(node).values({
    ...{ id, clusterId, nodeId: id, name: id, pool, isHead: false, state: "active" as const, pricePerHour },
    ...{ cpus: 4, gpus: 0, memoryBytes: 1, observed: {}, startedAt: ago(hours) },
  });
  await db.insert(nodeInterval).values({ clusterId, nodeId: id, state: "active", since: ago(hours) });
  return id;
}

/** A training that took a CPU of each node from so many hours ago until then; null: it still does. */
export async function ranOn(
  ctx: TeamContext,
  nodeIds: readonly string[],
  from: number,
  until: number | null,
) {
  const created = await ctx.db.transaction((tx) => createRun(tx, ctx, TRAINING));
  const workers = nodeIds.map((nodeId, rank) => ({ rank, nodeId, pid: 1, device: "cpu" }));
  await ctx.db
    .update(attempt)
    .set({
      ...{ workers, startedAt: ago(from), admittedAt: ago(from) },
      ...(until === null ? {} : { endedAt: ago(until) }),
    })
    .where(eq(attempt.runId, created.id));
  return created;
}

export const createdBy = (db: Database, runId: string, userId: string) =>
  db.update(run).set({ createdBy: userId }).where(eq(run.id, runId));
