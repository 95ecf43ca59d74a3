/**
 * An agent without a cluster: it speaks the real protocol and plays a cluster of any size, so that what the console
 * does with observations is tested without Ray. It passes the test that the real agent passes (`agent-contract.ts`).
 * Used in tests only; no product process starts it.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import {
  type DesiredAttempt,
  DesiredState,
  Enrolled,
  type Observation,
  ObservedAck,
  type ObservedNode,
  type Readings,
} from "./contract";

export type Send = (request: Request) => Promise<Response>;
type Job = NonNullable<Observation["jobs"]>[number];
type Service = NonNullable<Observation["services"]>[number];
type Cluster = NonNullable<Observation["cluster"]>;
type Node = z.infer<typeof ObservedNode>;

const POLL_SECONDS = 0.1;
const RETRY_MS = 50;
/** Nobody listens where services are said to be. */
const NOWHERE = "http://127.0.0.1:9";
const ENDED = new Set<Job["state"]>(["succeeded", "failed", "stopped", "lost"]);

/** An answer that was not a yes. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export class FakeAgent {
  desired: DesiredState | null = null;
  readonly jobs = new Map<string, Job>();
  readonly services = new Map<string, Service>();
  readonly nodes = new Map<string, Node>();
  departed: Cluster["departed"] = [];
  pending: Cluster["pending"] = [];
  failed: Cluster["failed"] = [];
  demands: Cluster["demands"] = [];
  followsPools = true;
  groups: Cluster["groups"] = [];
  /** What nodes use; told with everything else while there is something. */
  readings: Readings | null = null;
  /** For how long Ray has not answered it. */
  silence: Observation["silence"] = { ms: 0, message: "" };
  private incarnation = randomUUID();
  private seq = 0;

  private constructor(
    private readonly send: Send,
    readonly token: string,
  ) {}

  /** One that was enrolled before. */
  static enrolled(send: Send, token: string): FakeAgent {
    return new FakeAgent(send, token);
  }

  /** @throws Refused when the one-time token is not known, or was used */
  static async enrol(send: Send, oneTimeToken: string): Promise<FakeAgent> {
    const request = post("/api/agent/enrol", { token: oneTimeToken, name: "fake" });
    return new FakeAgent(send, Enrolled.parse(await answered(await send(request))).token);
  }

  /** Forgets what it was told and numbers its observations anew; what its cluster does goes on. */
  restart(): void {
    this.incarnation = randomUUID();
    this.seq = 0;
    this.desired = null;
  }

  /** Follows the console by itself until the signal, and goes on trying while that is away. */
  async drive(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const hasHeard = await succeeds(this.pull(POLL_SECONDS));
      const hasTold = await succeeds(this.tell());
      if (!hasHeard || !hasTold) await delay(RETRY_MS);
    }
  }

  /** Waits for a newer desired state and takes a step towards it; false when the wait ended first. */
  async pull(waitSeconds = 0): Promise<boolean> {
    const after = this.desired?.revision ?? -1;
    const answer = await this.send(get(`/api/agent/desired?after=${after}&wait=${waitSeconds}`, this.token));
    const isNews = answer.status !== 204;
    const desired = isNews ? DesiredState.parse(await answered(answer)) : this.desired;
    if (desired) await this.step(desired);
    this.desired = desired;
    return isNews;
  }

  /** What is not desired any more is stopped, and forgotten at the next step. A service is ready at its second. */
  private async step({ attempts, sessions, replicas, nodes }: DesiredState): Promise<void> {
    for (const { nodeId, wish } of nodes) this.cordon(nodeId, wish === "drain");
    const services = [
      ...sessions.map(({ sessionId: id }) => ({ kind: "session" as const, id })),
      ...replicas.map(({ replicaId: id }) => ({ kind: "replica" as const, id })),
    ];
    const wanted = new Set([...attempts.map(({ jobId }) => jobId), ...services.map(({ id }) => id)]);
    for (const { jobId, state } of this.jobs.values()) {
      if (wanted.has(jobId)) continue;
      if (ENDED.has(state)) this.jobs.delete(jobId);
      else this.endJob(jobId, "stopped", null);
    }
    for (const service of this.services.values()) {
      if (wanted.has(service.id)) continue;
      if (service.state === "stopped") this.services.delete(service.id);
      else this.services.set(service.id, { ...service, state: "stopped", address: null });
    }
    for (const attempt of attempts) await this.begin(attempt);
    for (const { kind, id } of services) {
      const [state, address] = this.services.has(id)
        ? (["ready", NOWHERE] as const)
        : (["starting", null] as const);
      this.services.set(id, { kind, id, state, address, nodeId: null, pid: null, message: "" });
    }
  }

  /** Jobs go by their id, so that doing it again changes nothing. A driver first asks what its attempt is to do. */
  private async begin({ jobId, attemptId, token }: z.infer<typeof DesiredAttempt>): Promise<void> {
    const job = this.jobs.get(jobId) ?? { jobId, attemptId, state: "pending", exitCode: null, message: "" };
    this.jobs.set(jobId, job);
    if (job.state !== "pending") return;
    const { ok, status } = await this.send(get("/api/worker/spec", token));
    if (ok) this.jobs.set(jobId, { ...job, state: "running" });
    else if (status < 500) this.endJob(jobId, "failed", 1);
  }

  endJob(jobId: string, state: Job["state"], exitCode: number | null): void {
    const job = this.jobs.get(jobId);
    if (!job) throw new Error(`there is no job ${jobId}`);
    this.jobs.set(jobId, { ...job, state, exitCode });
  }

  /** Adds `count` nodes of a pool. */
  join(pool: string, count: number): Node[] {
    return Array.from({ length: count }, () => {
      const node: Node = {
        nodeId: randomUUID(),
        pool,
        address: "127.0.0.1",
        isHead: false,
        state: "active",
        cpus: 1,
        cpusUsed: 1,
        gpus: 0,
        gpusUsed: 0,
        gpuModel: null,
        gpuMemoryBytes: null,
        memoryBytes: 2 ** 30,
        diskBytes: null,
        cordoned: false,
        labels: {},
      };
      this.nodes.set(node.nodeId, node);
      return node;
    });
  }

  /** The node takes no new work, and leaves once nothing runs on it. */
  cordon(nodeId: string, isDraining: boolean): void {
    const node = this.nodes.get(nodeId);
    if (!node) return;
    if (node.cpusUsed + node.gpusUsed === 0) this.leave(nodeId, "drained");
    else this.nodes.set(nodeId, { ...node, cordoned: true, state: isDraining ? "draining" : node.state });
  }

  leave(nodeId: string, reason: "idle" | "drained" | "lost"): void {
    this.nodes.delete(nodeId);
    this.departed = [...this.departed, { nodeId, reason, message: "" }];
  }

  /** Tells everything, under the next number unless another is given. */
  tell(seq = ++this.seq): Promise<z.infer<typeof ObservedAck>> {
    return this.say({
      ...this.heading(seq),
      jobs: [...this.jobs.values()],
      services: [...this.services.values()],
      cluster: {
        nodes: [...this.nodes.values()],
        ...{ departed: this.departed, pending: this.pending, failed: this.failed },
        ...{ demands: this.demands, groups: this.groups, followsPools: this.followsPools },
      },
      ...(this.readings && { readings: this.readings }),
    });
  }

  /** Tells what nodes use, as every second in which nothing else changed. */
  tellReadings(): Promise<z.infer<typeof ObservedAck>> {
    return this.say({ ...this.heading(++this.seq), ...(this.readings && { readings: this.readings }) });
  }

  private heading(seq: number) {
    const { incarnation, silence } = this;
    return { incarnation, seq, silence, appliedRevision: this.desired?.revision ?? 0 };
  }

  private async say(observation: Observation): Promise<z.infer<typeof ObservedAck>> {
    return ObservedAck.parse(
      await answered(await this.send(post("/api/agent/observed", observation, this.token))),
    );
  }
}

const get = (path: string, token: string): Request =>
  new Request(`http://console${path}`, { headers: { authorization: `Bearer ${token}` } });

const post = (path: string, body: unknown, token?: string): Request =>
  new Request(`http://console${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });

/** Whether the console answered; what else goes wrong is thrown. */
async function succeeds(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    if (error instanceof Refused || error instanceof TypeError) return false; // TypeError: fetch's broken line
    throw error;
  }
}

async function answered(response: Response): Promise<unknown> {
  const json: unknown = await response.json();
  if (!response.ok) throw new Refused(response.status, JSON.stringify(json));
  return json;
}
