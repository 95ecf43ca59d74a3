/** Where processes of replicas were, in pieces: what their cost is booked over. */
import { and, eq, isNull, ne } from "drizzle-orm";
import { type replica, replicaPlacement } from "../../db/schema/releases";
import type { Transaction } from "../platform/db";

type Placed = Pick<typeof replica.$inferSelect, "id" | "teamId" | "clusterId">;

/**
 * Ends where it is not any more at `at`, and begins where it is. Told again, it changes nothing.
 *
 * @param nodeId null while its process has no place, and once it ended
 */
export async function recordPlacement(
  tx: Transaction,
  { id: replicaId, teamId, clusterId }: Placed,
  nodeId: string | null,
  at: Date,
): Promise<void> {
  const open = and(eq(replicaPlacement.replicaId, replicaId), isNull(replicaPlacement.until));
  await tx
    .update(replicaPlacement)
    .set({ until: at })
    .where(nodeId === null ? open : and(open, ne(replicaPlacement.nodeId, nodeId)));
  if (nodeId === null) return;
  await tx
    .insert(replicaPlacement)
    .values({ teamId, clusterId, replicaId, nodeId, since: at })
    .onConflictDoNothing();
}
