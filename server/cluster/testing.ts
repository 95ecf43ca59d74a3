/** A fake agent of a database of its own that tells it what happens at times of the test's choice. Used in tests only. */

import { eq, sql } from "drizzle-orm";
import { cluster } from "../../db/schema/cluster";
import { Observation } from "../engine/contract";
import { FakeAgent, type Send } from "../engine/fake-agent";
import { desiredState, ensureLocalCluster, observe } from "../engine/service";
import type { Database } from "../platform/db";
import { hashToken } from "../platform/tokens";
import "../wiring";

const TOKEN = "lathe_agent_of_played_time";

export interface Played {
  agent: FakeAgent;
  clusterId: string;
  /** Everything that was told, for telling it again. */
  told: Observation[];
  /** What time it is; it may be set back. */
  clock: { now: number };
  /** Tells an observation as it is. */
  tell(observation: Observation): ReturnType<typeof observe>;
}

/** @param beganAt Unix milliseconds */
export async function playCluster(db: Database, beganAt: number): Promise<Played> {
  const { id: clusterId } = await ensureLocalCluster(db);
  await db
    .update(cluster)
    .set({ tokenHash: hashToken(TOKEN) })
    .where(eq(cluster.id, clusterId));
  const clock = { now: beganAt };
  const told: Observation[] = [];
  const tell = (observation: Observation) => observe(db, clusterId, observation, new Date(clock.now));
  const send: Send = async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/api/agent/desired") return Response.json(await desiredState(db, clusterId));
    if (request.method === "GET") return Response.json({}); // A driver asks what there is to do.
    const observation = Observation.parse(await request.json());
    told.push(observation);
    return Response.json(await tell(observation));
  };
  return { agent: FakeAgent.enrolled(send, TOKEN), clusterId, told, clock, tell };
}

/** A cluster of which nothing was ever told. @param beganAt Unix milliseconds */
export async function playAfresh(db: Database, beganAt: number): Promise<Played> {
  await db.execute(sql`truncate node, node_interval, demand_interval, usage_open, node_usage, pool_usage,
    capacity_change, scaling_decision`);
  const untold = { observed: null, observedAt: null, incarnation: null, superseded: [], lastSeq: -1 };
  await db.update(cluster).set({ ...untold, silentSince: null, droppedReadings: 0 });
  return playCluster(db, beganAt);
}
