/** Taking a node out of service: what would happen, and that it is wanted. The agent does it through Ray. */
import { and, eq, isNotNull, ne, sql } from "drizzle-orm";
import type { z } from "zod";
import { node } from "../../db/schema/cluster";
import { record } from "../audit/service";
import type { DesiredNode } from "../engine/contract";
import { defaultClusterId, desireChanged } from "../engine/service";
import { type TeamContext, transact } from "../platform/context";
import type { Db } from "../platform/db";
import { Conflict, NotFound } from "../platform/errors";
import { emit } from "../platform/live/outbox";
import type { NodeQuery, TakeOut } from "./contract";
import * as repo from "./repo";

/** What is wanted of nodes, for their agent. */
export async function desiredNodes(db: Db, clusterId: string): Promise<z.infer<typeof DesiredNode>[]> {
  const rows = await db
    .select({ nodeId: node.nodeId, wish: node.wish, reason: node.wishReason })
    .from(node)
    .where(and(eq(node.clusterId, clusterId), ne(node.state, "gone"), isNotNull(node.wish)))
    .orderBy(node.nodeId);
  return rows.flatMap(({ nodeId, wish, reason }) => (wish ? [{ nodeId, wish, reason: reason ?? "" }] : []));
}

/** What becomes of something that runs on a node. */
export interface Move {
  kind: repo.OccupantRow["kind"];
  id: string;
  label: string;
  path: string;
  /** `now`: it goes on elsewhere. `successor`: when another is ready. `stays`: until it ends by itself. */
  when: "now" | "successor" | "stays";
  /** Until it ends, where that is known, s. */
  endsInSeconds: number | null;
  says: string;
}

const SAYS = {
  now: "Leaves with a checkpoint and goes on elsewhere from there.",
  successor: "Serves until its successor elsewhere is ready, then finishes its requests.",
  session: "Stays until it is closed, or nobody used it for 10 minutes.",
  run: "Stays until it ends; the node waits for it.",
  cordon: "Stays until it ends by itself.",
} as const;

function moveOf(occupant: repo.OccupantRow, wish: "cordon" | "drain"): Move {
  const { kind, id, label, path, runKind, endsInSeconds } = occupant;
  const of = { kind, id, label, path, endsInSeconds };
  if (wish === "cordon") return { ...of, when: "stays", says: SAYS.cordon };
  if (kind === "replica") return { ...of, when: "successor", says: SAYS.successor };
  if (kind === "run" && runKind === "train") return { ...of, when: "now", says: SAYS.now };
  return { ...of, when: "stays", says: kind === "session" ? SAYS.session : SAYS.run };
}

/** What a cordon and a drain would do to what runs on a node. @throws NotFound */
export async function takeOutPreview(
  ctx: TeamContext,
  { id }: z.infer<typeof NodeQuery>,
): Promise<{ cordon: Move[]; drain: Move[] }> {
  const clusterId = await defaultClusterId(ctx.db);
  const row = await repo.findNode(ctx.db, clusterId, id);
  if (!row) throw new NotFound("There is no such node.");
  const all = await repo.listOccupants(ctx.db, clusterId, ctx.teamId);
  const here = all.filter((o) => o.nodeId === row.nodeId);
  return {
    cordon: here.map((o) => moveOf(o, "cordon")),
    drain: here.map((o) => moveOf(o, "drain")),
  };
}

/**
 * Wants a node out of service. Ray can't take one back into it: a cordon may become a drain, and no less.
 *
 * @throws NotFound
 * @throws Conflict for the head, a node that has left, and one of which as much is wanted already
 */
export async function takeOut(ctx: TeamContext, input: z.infer<typeof TakeOut>): Promise<void> {
  const clusterId = await defaultClusterId(ctx.db);
  await transact(ctx, async (tx) => {
    const [row] = await tx
      .select()
      .from(node)
      .where(and(eq(node.clusterId, clusterId), eq(node.id, input.id)))
      .for("update");
    if (!row) throw new NotFound("There is no such node.");
    if (row.isHead)
      throw new Conflict("The head holds the cluster together and takes no work: it stays.", {
        code: "head_stays",
        remedy: "Choose one of the nodes that work runs on.",
      });
    if (row.state === "gone") throw new Conflict(`${row.name} has left already.`, { code: "node_gone" });
    if (row.wish === "drain" || row.wish === input.wish)
      throw new Conflict(`${row.name} is ${row.wish === "drain" ? "drained" : "cordoned"} already.`, {
        code: "taken_out_already",
      });
    await tx
      .update(node)
      .set({
        wish: input.wish,
        wishReason: input.reason,
        wishedAt: sql`now()`,
        wishedBy: ctx.actor.id,
      })
      .where(eq(node.id, row.id));
    await record(tx, ctx, {
      action: input.wish === "drain" ? "node.drained" : "node.cordoned",
      target: { kind: "node", id: row.id },
      summary: `${input.wish === "drain" ? "Drained" : "Cordoned"} ${row.name}: ${input.reason}`,
      before: { wish: row.wish },
      after: { wish: input.wish },
    });
    await emit(tx, { teamId: null, topic: "cluster", key: clusterId });
    await desireChanged(tx, clusterId);
  });
}
