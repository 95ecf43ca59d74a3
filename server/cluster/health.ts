/** What the supervisor and load balancers ask: does the console answer, and is a cluster there? */
import { sql } from "drizzle-orm";
import { cluster } from "../../db/schema/cluster";
import { AWAY_SECONDS } from "../engine/service";
import { needsFirstAdmin } from "../identity/service";
import { config } from "../platform/config";
import { database } from "../platform/db";

export async function health() {
  const db = database();
  // What was heard before this process began may be an agent that ended with the process before.
  const seconds = Math.min(AWAY_SECONDS, process.uptime());
  const [row] = await db
    .select({ n: sql<number>`count(*)::int` })
    .from(cluster)
    .where(sql`last_seen_at > now() - make_interval(secs => ${seconds}) and observed is not null`);
  const clusterState = config().cluster === "none" ? "none" : row && row.n > 0 ? "ready" : "starting";
  return { status: "ok", needsFirstAdmin: await needsFirstAdmin(db), cluster: clusterState };
}
