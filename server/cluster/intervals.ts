/** SQL of lives in pieces: how long a node was in a state, and how long a demand was not met. */
import { createHash } from "node:crypto";
import { sql } from "drizzle-orm";
import type { ObservedCluster } from "../engine/contract";
import type { Db, Transaction } from "../platform/db";

/** Ends what is not so any more at `at`, and begins what is. A state that lasts is not touched. */
export async function recordStates(
  tx: Transaction,
  clusterId: string,
  nodes: readonly { nodeId: string; state: string }[],
  at: Date,
): Promise<void> {
  const seen = sql`json_to_recordset(${JSON.stringify(
    nodes.map(({ nodeId, state }) => ({ node_id: nodeId, state })),
  )}::json) as s (node_id text, state text)`;
  await tx.execute(sql`
    update node_interval i set until = ${at} where i.cluster_id = ${clusterId} and i.until is null
      and (i.node_id, i.state) not in (select s.node_id, s.state from ${seen})`);
  await tx.execute(sql`
    insert into node_interval (cluster_id, node_id, state, since)
    select ${clusterId}, s.node_id, s.state, ${at} from ${seen}
    where s.node_id not in (select i.node_id from node_interval i where i.cluster_id = ${clusterId} and i.until is null)`);
}

/** The same of demands: those of one shape and owner are one, of which there are more or fewer with time. */
export async function recordDemands(
  tx: Transaction,
  clusterId: string,
  demands: ObservedCluster["demands"],
  at: Date,
): Promise<void> {
  const merged = new Map<string, { key: string; shape: object; owner: string | null; count: number }>();
  for (const { shape, owner, count } of demands) {
    const key = keyOf(shape, owner);
    merged.set(key, { key, shape, owner, count: count + (merged.get(key)?.count ?? 0) });
  }
  const seen = sql`json_to_recordset(${JSON.stringify([...merged.values()])}::json)
    as s (key text, shape jsonb, owner text, count int)`;
  await tx.execute(sql`
    update demand_interval d set until = ${at} where d.cluster_id = ${clusterId} and d.until is null
      and d.key not in (select s.key from ${seen})`);
  await tx.execute(sql`
    insert into demand_interval as d (cluster_id, key, shape, owner, count, peak, since)
    select ${clusterId}, s.key, s.shape, s.owner, s.count, s.count, ${at} from ${seen}
    on conflict (cluster_id, key) where until is null
    do update set count = excluded.count, peak = greatest(d.peak, excluded.count) where d.count <> excluded.count`);
}

function keyOf(shape: Readonly<Record<string, number>>, owner: string | null): string {
  const sorted = Object.entries(shape).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([owner, sorted]))
    .digest("hex")
    .slice(0, 32);
}

export interface StateInterval {
  state: "active" | "idle" | "draining";
  since: Date;
  until: Date | null;
}

/** Pieces of a node's life, the newest first. */
export async function statesOf(
  db: Db,
  clusterId: string,
  nodeId: string,
  limit: number,
): Promise<StateInterval[]> {
  const { rows } = await db.execute<{
    state: StateInterval["state"];
    since: string;
    until: string | null;
  }>(sql`select state, since, until from node_interval where cluster_id = ${clusterId} and node_id = ${nodeId}
    order by since desc, id desc limit ${limit}`);
  return rows.map(({ state, since, until }) => ({
    state,
    since: new Date(since),
    until: until === null ? null : new Date(until),
  }));
}
