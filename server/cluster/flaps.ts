/**
 * A node that comes and goes: lost, back, lost again. Its first loss and its first return are entries of their own; what
 * follows within minutes grows the entry of the return, so that an hour of it is one line of the ledger.
 */
import { type SQL, sql } from "drizzle-orm";
import type { Db, Transaction } from "../platform/db";
import { FLAP_MINUTES, flapReason } from "./ledger";

/** Losses within the last minutes from which on a node flaps. */
const FLAPS_FROM = 2;

interface Moment {
  clusterId: string;
  node: { nodeId: string; name: string };
  at: Date;
}

/** A node is lost. Answers whether the entry of its last return tells of it; else it is worth one of its own. */
export const growByLoss = (tx: Transaction, moment: Moment): Promise<boolean> => grow(tx, moment, false);

/** A node is back. Answers whether it flaps, and its entry tells of that already. */
export const growByReturn = (tx: Transaction, moment: Moment): Promise<boolean> => grow(tx, moment, true);

async function grow(tx: Transaction, { clusterId, node, at }: Moment, isUp: boolean): Promise<boolean> {
  // Until it was lost again, its return is an ordinary one.
  const causes = isUp ? sql`cause = 'flapping'` : sql`cause in ('returned', 'flapping')`;
  const { rows } = await tx.execute<{ id: number; at: string }>(sql`
    select id::int, at from scaling_decision
    where cluster_id = ${clusterId} and node_ids = array[${node.nodeId}]::text[] and ${causes}
      and achieved_at > ${at}::timestamptz - make_interval(mins => ${FLAP_MINUTES})
    order by id desc limit 1`);
  const [entry] = rows;
  if (!entry) return false;
  const began = new Date(entry.at);
  // The piece that ends or begins now is not written yet, so this loss is not among the gaps.
  const gaps = await gapsOf(tx, clusterId, new Date(began.getTime() - FLAP_MINUTES * 60_000), node.nodeId);
  const losses = Math.max(FLAPS_FROM, (gaps.get(node.nodeId) ?? 0) + 1);
  const reason = flapReason(node.name, losses, (at.getTime() - began.getTime()) / 1000, isUp);
  await tx.execute(sql`
    update scaling_decision set cause = 'flapping', reason = ${reason},
      achieved_at = ${isUp ? sql`${at}::timestamptz` : sql`achieved_at`}
    where id = ${entry.id}`);
  return true;
}

/** Nodes that were lost and came back again and again within the last minutes. */
export async function flappingOf(db: Db, clusterId: string, nodeId?: string): Promise<Set<string>> {
  const since = sql`now() - make_interval(mins => ${FLAP_MINUTES})`;
  const gaps = await gapsOf(db, clusterId, since, nodeId);
  return new Set([...gaps].flatMap(([id, count]) => (count >= FLAPS_FROM ? [id] : [])));
}

/** How often each node was away and came back since then; without those that never did. */
async function gapsOf(
  db: Db,
  clusterId: string,
  since: Date | SQL,
  nodeId?: string,
): Promise<Map<string, number>> {
  const { rows } = await db.execute<{ nodeId: string; gaps: number }>(sql`
    select node_id as "nodeId", count(*)::int as gaps from (
      select node_id, since, lag(until) over (partition by node_id order by since, id) as before
      from node_interval where cluster_id = ${clusterId} and (until is null or until >= ${since})
        ${nodeId === undefined ? sql`` : sql`and node_id = ${nodeId}`}) pieces
    where before < since group by node_id`);
  return new Map(rows.map(({ nodeId: id, gaps }) => [id, gaps]));
}
