/**
 * Leadership by a row with a time to live and an epoch. An advisory lock is not enough: a leader that was stopped
 * (SIGSTOP) kept it for as long as it was watched. Here a stopped leader's epoch is outlived, and its writes are refused.
 */
import { sql } from "drizzle-orm";
import type { Db, Transaction } from "./db";
import { Conflict } from "./errors";

export interface Lease {
  name: string;
  holder: string;
  epoch: number;
}

const TTL_SECONDS = 10;

/**
 * Takes the lease, or renews it; the epoch rises whenever it changes hands.
 *
 * @returns null while someone else holds it
 */
export async function takeLease(db: Db, name: string, holder: string): Promise<Lease | null> {
  const { rows } = await db.execute<{ epoch: string }>(sql`
    insert into lease (name, holder, epoch, expires_at)
    values (${name}, ${holder}, 1, now() + make_interval(secs => ${TTL_SECONDS}))
    on conflict (name) do update set
      holder = excluded.holder,
      epoch = lease.epoch + case when lease.holder = excluded.holder then 0 else 1 end,
      expires_at = excluded.expires_at
    where lease.holder = excluded.holder or lease.expires_at < now()
    returning epoch::text`);
  const row = rows[0];
  return row ? { name, holder, epoch: Number(row.epoch) } : null;
}

/** Gives it back at once, so that a standby need not wait for its end. */
export async function giveBackLease(db: Db, lease: Lease): Promise<void> {
  await db.execute(sql`
    update lease set expires_at = now() - interval '1 second'
    where name = ${lease.name} and holder = ${lease.holder} and epoch = ${lease.epoch}`);
}

/**
 * The check that belongs into every transaction of a leader: it locks the lease until the transaction ends, so nobody
 * else becomes leader in between.
 *
 * @throws Conflict when the lease was lost
 */
export async function fence(tx: Transaction, lease: Lease): Promise<void> {
  const { rows } = await tx.execute(sql`
    select 1 from lease
    where name = ${lease.name} and holder = ${lease.holder} and epoch = ${lease.epoch} and expires_at > now()
    for share`);
  if (rows.length === 0)
    throw new Conflict("This controller is not the leader any more.", { code: "lease_lost" });
}
