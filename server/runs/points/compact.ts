/** Points of runs that ended long ago give way to their summaries of 64 steps, where the operator wants that. */
import { sql } from "drizzle-orm";
import { transact } from "../../platform/context";
import type { Database, Transaction } from "../../platform/db";

/** Chunks of one transaction, and transactions of one call: the rest waits for the next. */
const CHUNKS_AT_ONCE = 2_000;
const TRANSACTIONS = 50;

/**
 * @param keepDays days after a run's end; null keeps points for ever
 * @param fence the caller's lease
 */
export async function compactPoints(
  db: Database,
  fence: (tx: Transaction) => Promise<void>,
  keepDays: number | null,
): Promise<void> {
  if (keepDays === null) return;
  for (let turn = 0; turn < TRANSACTIONS; turn += 1) {
    const isThereMore = await transact({ db }, async (tx) => {
      await fence(tx);
      return compactSome(tx, keepDays);
    });
    if (!isThereMore) return;
  }
}

/** Whether a run was found whose points were kept long enough. */
async function compactSome(tx: Transaction, keepDays: number): Promise<boolean> {
  const { rows } = await tx.execute<{ id: string }>(sql`
    select id from run
    where points_compacted_at is null and ended_at < now() - ${keepDays}::float8 * interval '1 day'
    order by ended_at limit 1`);
  const [run] = rows;
  if (!run) return false;
  const { rowCount } = await tx.execute(sql`
    update chunk set body = null where (series_id, bucket, part) in (
      select c.series_id, c.bucket, c.part from series s join chunk c on c.series_id = s.id
      where s.run_id = ${run.id} and c.body is not null limit ${CHUNKS_AT_ONCE})`);
  if ((rowCount ?? 0) < CHUNKS_AT_ONCE)
    await tx.execute(sql`update run set points_compacted_at = now() where id = ${run.id}`);
  return true;
}
