/**
 * The agent's protocol, level-triggered and dialled from inside the cluster.
 *
 * `POST /api/agent/enrol` (one-time token) → `Enrolled`
 * `GET  /api/agent/desired?after=REV&wait=SECONDS` → `DesiredState`, whole, as soon as its revision exceeds REV
 *       (or 204 when the wait ends first)
 * `POST /api/agent/observed` → `ObservedAck`; sections that are present are complete lists, absent ones are unchanged
 */
import { z } from "zod";
import { DatasetRef } from "../datasets/contract";
import { Count, Id, Sha256 } from "../platform/atoms";
import { Resources, RunKind } from "../runs/contract";

export const EnrolRequest = z.object({ token: z.string().min(16), name: z.string().min(1).max(64) });
export const Enrolled = z.object({ clusterId: Id, token: z.string() });

/** A job the cluster should be running. `jobId` is ours (`<run>-<attempt>`), so a repeated submit is harmless. */
export const DesiredAttempt = z.object({
  jobId: z.string(),
  runId: Id,
  attemptId: Id,
  kind: RunKind,
  token: z.string(),
  resources: Resources,
  /** Workers that nodes are held for: more than it has once there is room for it to grow. */
  reserve: Resources.shape.workers,
});
/** Services stay until they are no longer desired: a session in the studio, a replica behind the gateway. */
export const DesiredSession = z.object({
  sessionId: Id,
  token: z.string(),
  /** What serves: the baseline. */
  model: Sha256,
  /** The trainable fp32 graph the dials work on. */
  floatModel: Sha256,
  dataset: DatasetRef,
  cpus: z.number().positive(),
});
export const DesiredReplica = z.object({
  replicaId: Id,
  token: z.string(),
  modelName: z.string(),
  versionNumber: z.number().int().positive(),
  digest: Sha256,
  cpus: z.number().positive(),
  /** Rows to which requests that wait together are joined for one run; 0 or 1 joins none. */
  maxBatch: Count.default(32),
  /** How long a request may wait for others while there are others, ms. */
  maxDelayMs: z.number().nonnegative().default(2),
  /** Requests that may wait; more answer 429. */
  maxQueue: z.number().int().positive().default(256),
});
export const DesiredPool = z.object({
  name: z.string(),
  min: Count,
  max: Count,
  idleSeconds: z.number().positive(),
  resources: z.record(z.string(), z.number()),
});
export const DesiredState = z.object({
  clusterId: Id,
  revision: Count,
  attempts: z.array(DesiredAttempt),
  sessions: z.array(DesiredSession),
  replicas: z.array(DesiredReplica),
  pools: z.array(DesiredPool),
});
export type DesiredState = z.infer<typeof DesiredState>;

export const ObservedJob = z.object({
  jobId: z.string(),
  attemptId: Id,
  state: z.enum(["pending", "running", "succeeded", "failed", "stopped", "lost"]),
  exitCode: z.number().int().nullable(),
  message: z.string(),
});
export const ObservedService = z.object({
  kind: z.enum(["session", "replica"]),
  id: Id,
  state: z.enum(["starting", "ready", "failed", "stopped"]),
  /** `http://host:port`, once it listens. */
  address: z.string().nullable(),
  nodeId: z.string().nullable(),
  pid: z.number().int().nullable(),
  /** What it waits for, or why it failed. */
  message: z.string(),
});
export const ObservedNode = z.object({
  nodeId: z.string(),
  pool: z.string(),
  address: z.string(),
  isHead: z.boolean(),
  state: z.enum(["active", "idle", "draining"]),
  cpus: z.number(),
  cpusUsed: z.number(),
  gpus: z.number(),
  gpusUsed: z.number(),
  gpuModel: z.string().nullable(),
  memoryBytes: Count,
  memoryUsedBytes: Count,
  /** CPU use of the node's own processes, percent of one core. */
  cpuPercent: z.number().nullable(),
});
export const ObservedCluster = z.object({
  nodes: z.array(ObservedNode),
  /** Nodes that left since the agent started, with the reason from its own record. */
  departed: z.array(
    z.object({ nodeId: z.string(), reason: z.enum(["idle", "drained", "lost"]), message: z.string() }),
  ),
  /** Launches under way. */
  pending: z.array(z.object({ pool: z.string(), count: Count, message: z.string() })),
  demands: z.array(
    z.object({ shape: z.record(z.string(), z.number()), count: Count, owner: z.string().nullable() }),
  ),
});
export type ObservedCluster = z.infer<typeof ObservedCluster>;
export const Observation = z.object({
  /** Made anew at each start of the agent. */
  incarnation: z.string().min(8),
  /** Rises by one within an incarnation; an older one changes nothing. */
  seq: Count,
  appliedRevision: Count,
  jobs: z.array(ObservedJob).optional(),
  services: z.array(ObservedService).optional(),
  cluster: ObservedCluster.optional(),
});
export type Observation = z.infer<typeof Observation>;
export const ObservedAck = z.object({ seq: Count, revision: Count });
