/** Takes readings: adds them to the buckets that are open, and keeps rows of those that are over. */
import { and, eq, ne, sql } from "drizzle-orm";
import { node, usageOpen } from "../../../db/schema/cluster";
import type { Readings } from "../../engine/contract";
import type { Transaction } from "../../platform/db";
import { saneReadings } from "../sane";
import { add, type Bucket, pack, type Row, rowsOf, unpack } from "./bucket";
import { type Values, valuesByNode, valuesByPool } from "./metrics";

/** Seconds of a bucket. */
export const LEVELS = { node: { fine: 60, coarse: 3600 }, pool: { fine: 10, coarse: 600 } } as const;
export type Of = keyof typeof LEVELS;

/** Two rows are read and written, however many nodes there are; a bucket that is over adds one statement. */
export async function takeReadings(
  tx: Transaction,
  clusterId: string,
  told: Readings,
  at: Date,
): Promise<number> {
  const { value: readings, dropped } = saneReadings(told);
  const rows = await tx
    .select({ nodeId: node.nodeId, pool: node.pool, isHead: node.isHead })
    .from(node)
    .where(and(eq(node.clusterId, clusterId), ne(node.state, "gone")));
  const alive = new Set(rows.map(({ nodeId }) => nodeId));
  // What is told of a node that has not joined, or has left, is about another moment.
  const nodes = new Map([...valuesByNode(readings)].filter(([nodeId]) => alive.has(nodeId)));
  const poolOf = new Map(rows.flatMap(({ nodeId, pool, isHead }) => (isHead ? [] : [[nodeId, pool]])));
  const open = await tx
    .select({ of: usageOpen.of, at: usageOpen.at, packed: usageOpen.packed })
    .from(usageOpen)
    .where(eq(usageOpen.clusterId, clusterId));
  const added: [Of, ReadonlyMap<string, Values>][] = [
    ["node", nodes],
    ["pool", valuesByPool(nodes, poolOf)],
  ];
  for (const [of, values] of added) {
    const begin = beginOf(at, LEVELS[of].fine);
    const before = open.find((row) => row.of === of);
    const isOver = before !== undefined && before.at.getTime() !== begin.getTime();
    if (isOver) await keep(tx, clusterId, of, before.at, rowsOf(unpack(before.packed)));
    const bucket: Bucket = before && !isOver ? unpack(before.packed) : new Map();
    add(bucket, values);
    const state = {
      at: begin,
      packed: pack(bucket),
      ...(of === "node" && { latest: JSON.stringify(readings), latestAt: at }),
    };
    await tx
      .insert(usageOpen)
      .values({ clusterId, of, ...state })
      .onConflictDoUpdate({ target: [usageOpen.clusterId, usageOpen.of], set: state });
  }
  return dropped;
}

const beginOf = (at: Date, seconds: number) =>
  new Date(Math.floor(at.getTime() / 1000 / seconds) * seconds * 1000);

async function keep(tx: Transaction, clusterId: string, of: Of, at: Date, rows: Row[]): Promise<void> {
  if (rows.length === 0) return;
  const level = LEVELS[of].fine;
  const told = sql`json_to_recordset(${JSON.stringify(rows)}::json) as r (key text, mean real[], peak real[])`;
  await tx.execute(
    of === "node"
      ? sql`insert into node_usage (serial, level, at, mean, peak)
            select n.serial, ${level}, ${at}, r.mean, r.peak
            from ${told} join node n on n.cluster_id = ${clusterId} and n.node_id = r.key on conflict do nothing`
      : sql`insert into pool_usage (cluster_id, pool, level, at, mean, peak)
            select ${clusterId}, r.key, ${level}, ${at}, r.mean, r.peak from ${told} on conflict do nothing`,
  );
}
