/**
 * The agent's protocol, level-triggered and dialled from inside the cluster.
 *
 * `POST /api/agent/enrol` (one-time token) → `Enrolled`
 * `GET  /api/agent/desired?after=REV&wait=SECONDS` → `DesiredState`, whole, as soon as its revision is not REV
 *       (or 204 when the wait ends first)
 * `POST /api/agent/observed` → `ObservedAck`; sections that are present are complete lists, absent ones are unchanged.
 *       No time of day crosses the wire, only ages: clocks of clusters may be wrong
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
/** A node that someone takes out of service. It takes no new work; nothing that runs on it is ended by that. */
export const DesiredNode = z.object({
  nodeId: z.string(),
  /** `cordon`: what runs on it stays. `drain`: it goes on elsewhere. Either way the node leaves once it is free. */
  wish: z.enum(["cordon", "drain"]),
  reason: z.string(),
});
export const DesiredState = z.object({
  clusterId: Id,
  revision: Count,
  attempts: z.array(DesiredAttempt),
  sessions: z.array(DesiredSession),
  replicas: z.array(DesiredReplica),
  pools: z.array(DesiredPool),
  nodes: z.array(DesiredNode),
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
/** What of a node changes rarely. What it uses by the second travels as `Readings`. */
export const ObservedNode = z.object({
  nodeId: z.string(),
  pool: z.string(),
  address: z.string(),
  isHead: z.boolean(),
  state: z.enum(["active", "idle", "draining"]),
  /** It takes no new work. */
  cordoned: z.boolean(),
  cpus: z.number(),
  /** What of it is promised to work, whether that uses it or not. */
  cpusUsed: z.number(),
  gpus: z.number(),
  gpusUsed: z.number(),
  gpuModel: z.string().nullable(),
  /** Of one GPU. */
  gpuMemoryBytes: z.number().nullable(),
  memoryBytes: z.number(),
  diskBytes: z.number().nullable(),
  labels: z.record(z.string(), z.string()),
});
const Shape = z.record(z.string(), z.number());
export const ObservedCluster = z.object({
  nodes: z.array(ObservedNode),
  /** Nodes that left since the agent started, with the reason from its own record. */
  departed: z.array(
    z.object({ nodeId: z.string(), reason: z.enum(["idle", "drained", "lost"]), message: z.string() }),
  ),
  /** Launches under way. */
  pending: z.array(z.object({ pool: z.string(), count: z.number().int(), message: z.string() })),
  /** Launches that failed and that the autoscaler still tells of. */
  failed: z.array(
    z.object({
      pool: z.string(),
      count: z.number().int(),
      message: z.string(),
      /** Until it tries again; null where that is not known. */
      retryInMs: z.number().nullable(),
    }),
  ),
  /** Pools are as desired; else the cluster has an autoscaler of its own, whose limits are set there. */
  followsPools: z.boolean().default(true),
  demands: z.array(z.object({ shape: Shape, count: z.number().int(), owner: z.string().nullable() })),
  /** Placement groups that wait: all of their bundles find room at once, or none does. */
  groups: z.array(
    z.object({
      id: z.string(),
      owner: z.string().nullable(),
      strategy: z.string(),
      bundles: z.array(z.object({ shape: Shape, count: z.number().int() })),
    }),
  ),
});
export type ObservedCluster = z.infer<typeof ObservedCluster>;

/** A value for each node (or GPU); null where it is not known. Bounds are the console's: it drops what can't be. */
const Column = z.array(z.number().nullable());
/**
 * What nodes use now, as columns: a thousand nodes with eight GPUs are 300 kB so, and three times that as objects. All
 * columns of nodes are as long as `nodeIds`, those of GPUs as `gpus.node`.
 */
export const Readings = z.object({
  nodeIds: z.array(z.string()),
  /** Of one core, so that 400 are four busy cores. */
  cpuPercent: Column,
  memoryBytes: Column,
  diskBytes: Column,
  receivedBytesPerSecond: Column,
  sentBytesPerSecond: Column,
  /** How long ago the node itself was heard. */
  heartbeatAgeMs: Column,
  gpus: z.object({
    /** Places in `nodeIds`. */
    node: z.array(Count),
    /** Which GPU of its node, from 0. */
    index: z.array(Count),
    percent: Column,
    memoryBytes: Column,
    celsius: Column,
    watts: Column,
  }),
});
export type Readings = z.infer<typeof Readings>;
export const Observation = z.object({
  /** Made anew at each start of the agent. */
  incarnation: z.string().min(8),
  /** Rises by one within an incarnation; an older one changes nothing. */
  seq: Count,
  appliedRevision: Count,
  /** Since when Ray has not answered the agent, and what went wrong; 0 and "" while it answers. */
  silence: z.object({ ms: Count, message: z.string() }),
  jobs: z.array(ObservedJob).optional(),
  services: z.array(ObservedService).optional(),
  /** Told when it changes; `readings` at most once a second. */
  cluster: ObservedCluster.optional(),
  readings: Readings.optional(),
});
export type Observation = z.infer<typeof Observation>;
export const ObservedAck = z.object({
  seq: Count,
  revision: Count,
  /** Values of this observation that could not be true and were dropped: negative, or beyond what a machine has. */
  dropped: Count,
  /** Another agent, or a later start of this one, has spoken since: what this one tells changes nothing any more. */
  superseded: z.boolean(),
});
