/** What a cluster should do, told to its agent; what the agent sees, told to the slices. */
import { readFile, rm } from "node:fs/promises";
import { resolve } from "node:path";
import type { z } from "zod";
import { config } from "../platform/config";
import { transact } from "../platform/context";
import type { Database, Db } from "../platform/db";
import { Unauthenticated } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { hashToken, randomToken } from "../platform/tokens";
import {
  DesiredPool,
  type DesiredState,
  type Enrolled,
  type EnrolRequest,
  type Observation,
  type ObservedAck,
  ObservedCluster,
} from "./contract";
import { sinks, sources } from "./ports";
import type { ClusterRow } from "./repo";
import * as repo from "./repo";

export { type ObservedJob, registerSinks, registerSources } from "./ports";
export { AWAY_SECONDS, agentSeenFor } from "./repo";

const LOCAL = "local";
const LOCAL_POOL = "local-cpu";

/**
 * Makes the local cluster's row and its pool where they are missing. The pool has the limits of the configuration until
 * somebody sets others on the Cluster page: those outlast every restart.
 */
export async function ensureLocalCluster(db: Db): Promise<ClusterRow> {
  await repo.insertCluster(db, { id: newId("clu"), name: LOCAL });
  const cluster = await repo.findClusterByName(db, LOCAL);
  if (!cluster) throw new Error("the local cluster's row could not be read back");
  const changed = await repo.insertPool(db, {
    id: newId("pool"),
    clusterId: cluster.id,
    name: LOCAL_POOL,
    min: 0,
    max: config().poolMax,
    idleSeconds: config().poolIdleSeconds,
    resources: { CPU: 1 },
  });
  if (changed) await repo.bumpRevision(db, cluster.id);
  return cluster;
}

/** Where work goes when nobody says otherwise. */
export async function defaultClusterId(db: Db): Promise<string> {
  const found = await repo.findClusterByName(db, LOCAL);
  return (found ?? (await ensureLocalCluster(db))).id;
}

export const clusterIds = async (db: Db): Promise<string[]> =>
  (await repo.listClusters(db)).map(({ id }) => id);

/** Nodes for work that a cluster has, and those that each of its pools may still start. */
export async function readNodes(db: Db, clusterId: string) {
  // One after the other: `db` may be a transaction.
  const observed = await repo.readObserved(db, clusterId);
  const pools = await repo.listPools(db, clusterId);
  const seen = ObservedCluster.safeParse(observed);
  const nodes = seen.success ? seen.data.nodes.filter((node) => !node.isHead) : [];
  const up = nodes.filter((node) => !node.cordoned);
  // One that drains makes room for another; one that is cordoned stays as long as what runs on it.
  const staying = nodes.filter((node) => node.state !== "draining");
  const toCome = pools.map(({ name, max, resources }) => {
    const { CPU = 0, GPU = 0 } = DesiredPool.shape.resources.parse(resources);
    const count = Math.max(0, max - staying.filter((node) => node.pool === name).length);
    return { count, cpus: CPU, gpus: GPU };
  });
  return { up, toCome };
}

/** What one node of each pool has, and costs an hour ($). */
export async function poolsOf(db: Db, clusterId: string) {
  return (await repo.listPools(db, clusterId)).map(({ name, resources, pricePerHour }) => {
    const { CPU = 0, GPU = 0 } = DesiredPool.shape.resources.parse(resources);
    return { name, cpus: CPU, gpus: GPU, pricePerHour };
  });
}

/** Nodes for work that a cluster has or may start, and what its services take of them. */
export async function capacityOf(
  db: Db,
  clusterId: string,
): Promise<{
  up: { nodeId: string; cpus: number; gpus: number }[];
  toStart: { cpus: number; gpus: number }[];
  services: { cpus: number }[];
}> {
  const from = sources();
  const { up, toCome } = await readNodes(db, clusterId);
  const sessions = (await from.sessions?.(db, clusterId)) ?? [];
  const replicas = (await from.replicas?.(db, clusterId)) ?? [];
  return {
    up: up.map(({ nodeId, cpus, gpus }) => ({ nodeId, cpus, gpus })),
    toStart: toCome.flatMap(({ count, ...size }) => Array.from({ length: count }, () => size)),
    services: [...sessions, ...replicas].map(({ cpus }) => ({ cpus })),
  };
}

/**
 * Tells a cluster's agent that something else is desired of it now. Call it last in a transaction: it locks the
 * cluster's row, and whoever locks it locks nothing after.
 */
export const desireChanged = (tx: Db, clusterId: string): Promise<void> => repo.bumpRevision(tx, clusterId);

/** @throws Unauthenticated unless the token is a cluster's */
export async function clusterOfToken(db: Db, token: string | null): Promise<ClusterRow> {
  const cluster = token ? await repo.findClusterByToken(db, hashToken(token)) : null;
  if (!cluster) {
    throw new Unauthenticated("This is not the token of an enrolled agent.", {
      code: "unknown_agent",
      remedy: "Enrol it with a one-time token.",
    });
  }
  return cluster;
}

/** Exchanges a one-time token for the agent's own, of which only the digest stays here. */
export async function enrol(
  db: Database,
  request: z.infer<typeof EnrolRequest>,
): Promise<z.infer<typeof Enrolled>> {
  const hash = hashToken(request.token);
  const local = resolve(config().home, "secrets", "agent-enrol.token");
  const expected = await readFile(local, "utf8").catch(() => "");
  const isLocal = expected.trim() !== "" && hashToken(expected.trim()) === hash;
  const token = randomToken("lathe_agent");
  const clusterId = await transact({ db }, async (tx) => {
    const cluster = isLocal ? await ensureLocalCluster(tx) : await repo.findClusterByEnrolToken(tx, hash);
    if (!cluster) {
      throw new Unauthenticated("This one-time token was used, or was never handed out.", {
        code: "unknown_enrol_token",
        remedy: "Restart the console: it makes a new one.",
      });
    }
    await repo.setToken(tx, cluster.id, hashToken(token));
    await emit(tx, { teamId: null, topic: "cluster", key: cluster.id });
    return cluster.id;
  });
  if (isLocal) await rm(local, { force: true });
  return { clusterId, token };
}

/** The whole desired state. The revision is read first, so what follows is never older than it says. */
export async function desiredState(db: Db, clusterId: string): Promise<DesiredState> {
  const revision = await repo.readRevision(db, clusterId);
  const from = sources();
  const [attempts, sessions, replicas, nodes, pools] = await Promise.all([
    from.attempts?.(db, clusterId) ?? [],
    from.sessions?.(db, clusterId) ?? [],
    from.replicas?.(db, clusterId) ?? [],
    from.nodes?.(db, clusterId) ?? [],
    repo.listPools(db, clusterId),
  ]);
  return {
    clusterId,
    revision,
    attempts,
    sessions,
    replicas,
    nodes,
    pools: pools.map((p) => ({
      name: p.name,
      min: p.min,
      max: p.max,
      idleSeconds: p.idleSeconds,
      resources: DesiredPool.shape.resources.parse(p.resources),
    })),
  };
}

/** Incarnations of an agent that are remembered: a late report is seconds old, not many restarts. */
const REMEMBERED = 16;
/** Ray takes a moment to answer now and then. */
const SILENT_MS = 3_000;

/**
 * Takes what an agent sees. Within an incarnation the numbers rise: an older observation changes nothing. A new
 * incarnation starts over, and what comes of an earlier one after that changes nothing. Everything here may be repeated.
 *
 * @param clock what time it is, where time is played
 */
export async function observe(
  db: Database,
  clusterId: string,
  seen: Observation,
  clock?: Date,
): Promise<z.infer<typeof ObservedAck>> {
  const take = sinks();
  return transact({ db }, async (tx) => {
    const cluster = await repo.takeTurn(tx, clusterId, clock);
    if (!cluster) throw new Unauthenticated("This cluster was removed.", { code: "unknown_agent" });
    const { at, incarnation, desiredRevision: revision } = cluster;
    if (cluster.superseded.includes(seen.incarnation))
      return { seq: seen.seq, revision, dropped: 0, superseded: true };
    if (incarnation === seen.incarnation && seen.seq <= cluster.lastSeq)
      return { seq: cluster.lastSeq, revision, dropped: 0, superseded: false };
    let changed = false;
    if (seen.jobs) changed = (await take.jobs?.(tx, clusterId, seen.jobs)) ?? false;
    for (const service of [...(seen.services ?? [])].sort((a, b) => (a.id < b.id ? -1 : 1))) {
      await (service.kind === "session" ? take.session : take.replica)?.(tx, service, at);
    }
    const whole = seen.cluster && (await take.cluster?.(tx, clusterId, seen.cluster, at));
    const unread = seen.readings ? ((await take.readings?.(tx, clusterId, seen.readings, at)) ?? 0) : 0;
    const isSilent = seen.silence.ms >= SILENT_MS;
    if (isSilent !== (cluster.silentSince !== null))
      await emit(tx, { teamId: null, topic: "cluster", key: clusterId });
    const dropped = (whole?.dropped ?? 0) + unread;
    const isAnew = incarnation !== null && incarnation !== seen.incarnation;
    const answered = await repo.storeObservation(tx, clusterId, {
      at,
      incarnation: seen.incarnation,
      superseded: isAnew ? [incarnation, ...cluster.superseded].slice(0, REMEMBERED) : cluster.superseded,
      seq: seen.seq,
      appliedRevision: seen.appliedRevision,
      observed: whole?.value,
      silentSince: isSilent ? new Date(at.getTime() - seen.silence.ms) : null,
      silence: isSilent ? seen.silence.message : null,
      dropped,
      desireChanged: changed,
    });
    return { seq: seen.seq, revision: answered, dropped, superseded: false };
  });
}
