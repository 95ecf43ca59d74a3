/** What the platform itself knows at the moment of a scrape: pool, live streams, outbox, disk. */
import { statfs } from "node:fs/promises";
import { config } from "../config";
import { pool } from "../db";
import { relay } from "../live/relay";
import { within } from "./readiness";
import { gauge } from "./registry";

const LIMIT_MS = 3_000;
/** Events that are looked at: beyond, only that there are more is of interest. */
const MOST = 10_000;

/** Sets the gauges; the database may be away. */
export async function gatherPlatform(): Promise<void> {
  gatherPool();
  await Promise.all([gatherOutbox(), gatherDisk()]);
}

function gatherPool(): void {
  const { totalCount, idleCount, waitingCount } = pool();
  const connections = gauge("lathe_db_connections", "Connections of this process to the database.", [
    "state",
  ]);
  connections.set({ state: "in_use" }, totalCount - idleCount);
  connections.set({ state: "idle" }, idleCount);
  gauge("lathe_db_waiting", "Queries of this process that wait for a connection.").set(waitingCount);
}

async function gatherOutbox(): Promise<void> {
  const { subscribers, cursor } = relay().state();
  gauge("lathe_live_subscribers", "Open streams of tabs.").set(subscribers);
  const seconds = gauge(
    "lathe_relay_lag_seconds",
    "Age of the oldest event that this relay has yet to hand on.",
  );
  const events = gauge("lathe_relay_lag_events", `Events that this relay has yet to hand on, up to ${MOST}.`);
  const isUp = gauge("lathe_database_up", "Whether the database answered this scrape.");
  try {
    const lag = await within(LIMIT_MS, lagAfter(cursor));
    isUp.set(1);
    seconds.set(lag.seconds);
    events.set(lag.events);
  } catch {
    isUp.set(0);
    seconds.remove();
    events.remove();
  }
}

/** Without a cursor nobody listens, and nothing waits to be handed on. */
async function lagAfter(cursor: string | null): Promise<{ events: number; seconds: number }> {
  const [xid, id] = cursor?.split(":") ?? [];
  const { rows } = await pool().query<{ events: number; seconds: number }>(
    `select count(*)::int as events,
       greatest(0, coalesce(extract(epoch from clock_timestamp() - min(created_at)), 0))::float8 as seconds
     from (select created_at from event where (xid, id) > ($1::xid8, $2::bigint) order by xid, id limit ${MOST}) late`,
    [xid ?? null, id ?? null],
  );
  return rows[0] ?? { events: 0, seconds: 0 };
}

async function gatherDisk(): Promise<void> {
  const { bavail, blocks, bsize } = await statfs(config().home);
  gauge("lathe_data_free_bytes", "Free on the disk of the data folder.").set(bavail * bsize);
  gauge("lathe_data_size_bytes", "Size of the disk of the data folder.").set(blocks * bsize);
}
