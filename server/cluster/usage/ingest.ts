/** Takes readings: adds them to the buckets that are open, and keeps rows of those that are over. */
import { and, eq, ne, sql } from "drizzle-orm";
import { node, usageOpen } from "../../../db/schema/cluster";
import type { Readings } from "../../engine/contract";
import type { Transaction } from "../../platform/db";
import { singleton } from "../../platform/singleton";
import { saneReadings } from "../sane";
import { add, type Bucket, pack, type Row, rowsOf, unpack } from "./bucket";
import { type Values, valuesByNode, valuesByPool } from "./metrics";

/** Seconds of a bucket. */
export const LEVELS = { node: { fine: 60, coarse: 3600 }, pool: { fine: 10, coarse: 600 } } as const;
export type Of = keyof typeof LEVELS;

/**
 * Two rows are written, however many nodes there are; a bucket that is over adds one statement. What was added up so far
 * is read only where another process did it.
 */
export async function takeReadings(
  tx: Transaction,
  clusterId: string,
  told: Readings,
  at: Date,
): Promise<number> {
  const { value: readings, dropped } = saneReadings(told);
  const poolOf = await poolsOfLive(tx, clusterId);
  // What is told of a node that has not joined, or has left, is about another moment.
  const nodes = new Map([...valuesByNode(readings)].filter(([nodeId]) => poolOf.has(nodeId)));
  const added: [Of, ReadonlyMap<string, Values>][] = [
    ["node", nodes],
    ["pool", valuesByPool(nodes, poolOf)],
  ];
  for (const [of, values] of added) {
    const begin = beginOf(at, LEVELS[of].fine);
    const before = await findOpen(tx, clusterId, of);
    // It is about to be added to: should that not be written, it is not what the row holds.
    remembered().delete(`${of} ${clusterId}`);
    const isOver = before !== null && before.at.getTime() !== begin.getTime();
    if (isOver) await keep(tx, clusterId, of, before.at, rowsOf(before.bucket));
    const bucket: Bucket = before && !isOver ? before.bucket : new Map();
    add(bucket, values);
    const state = {
      at: begin,
      packed: pack(bucket),
      ...(of === "node" && { latest: JSON.stringify(readings), latestAt: at }),
    };
    const [row] = await tx
      .insert(usageOpen)
      .values({ clusterId, of, ...state })
      .onConflictDoUpdate({ target: [usageOpen.clusterId, usageOpen.of], set: state })
      .returning({ stamp: STAMP });
    if (row) remembered().set(`${of} ${clusterId}`, { stamp: row.stamp, bucket });
  }
  return dropped;
}

/** Pools of the nodes that are there, by Ray's ids; null of the head. As one value: a row for each takes longer to read. */
async function poolsOfLive(tx: Transaction, clusterId: string): Promise<Map<string, string | null>> {
  const [row] = await tx
    .select({
      pools: sql<Record<string, string | null> | null>`
        json_object_agg(${node.nodeId}, case when not ${node.isHead} then ${node.pool} end)`,
    })
    .from(node)
    .where(and(eq(node.clusterId, clusterId), ne(node.state, "gone")));
  return new Map(Object.entries(row?.pools ?? {}));
}

/** Who wrote a row: nobody writes it again without that changing, and what is rolled back was never there. */
const STAMP = sql<string>`xmin::text`;
/** What this process added up, with the row that holds it. */
const remembered = () => singleton("usage.open", () => new Map<string, { stamp: string; bucket: Bucket }>());

async function findOpen(
  tx: Transaction,
  clusterId: string,
  of: Of,
): Promise<{ at: Date; bucket: Bucket } | null> {
  const own = remembered().get(`${of} ${clusterId}`);
  const [row] = await tx
    .select({
      at: usageOpen.at,
      packed: sql<Buffer | null>`case when ${STAMP} is distinct from ${own?.stamp ?? null}::text then ${usageOpen.packed} end`,
    })
    .from(usageOpen)
    .where(and(eq(usageOpen.clusterId, clusterId), eq(usageOpen.of, of)));
  if (!row) return null;
  if (row.packed) return { at: row.at, bucket: unpack(row.packed) };
  return own ? { at: row.at, bucket: own.bucket } : null;
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
