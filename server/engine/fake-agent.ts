/**
 * An agent without a cluster: it speaks the real protocol and plays a cluster of any size, so that what the console
 * does with observations is tested without Ray. Used in tests only; no product process starts it.
 */
import { randomUUID } from "node:crypto";
import type { z } from "zod";
import { DesiredState, Enrolled, type Observation, ObservedAck, type ObservedNode } from "./contract";

export type Send = (request: Request) => Promise<Response>;
type Job = NonNullable<Observation["jobs"]>[number];
type Service = NonNullable<Observation["services"]>[number];
type Cluster = NonNullable<Observation["cluster"]>;
type Node = z.infer<typeof ObservedNode>;

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
  demands: Cluster["demands"] = [];
  private incarnation = randomUUID();
  private seq = 0;

  private constructor(
    private readonly send: Send,
    readonly token: string,
  ) {}

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

  /** Waits for a newer desired state and makes it so; false when the wait ended first. */
  async pull(waitSeconds = 0): Promise<boolean> {
    const after = this.desired?.revision ?? -1;
    const answer = await this.send(
      new Request(`http://console/api/agent/desired?after=${after}&wait=${waitSeconds}`, {
        headers: { authorization: `Bearer ${this.token}` },
      }),
    );
    if (answer.status === 204) return false;
    this.desired = DesiredState.parse(await answered(answer));
    this.submit(this.desired);
    return true;
  }

  /** Jobs are submitted by their id, so doing it again changes nothing; one that is not desired any more is stopped. */
  private submit(desired: DesiredState): void {
    for (const { jobId, attemptId } of desired.attempts) {
      if (!this.jobs.has(jobId))
        this.jobs.set(jobId, { jobId, attemptId, state: "running", exitCode: null, message: "" });
    }
    const wanted = new Set(desired.attempts.map((a) => a.jobId));
    for (const job of this.jobs.values()) {
      if (job.state === "running" && !wanted.has(job.jobId)) this.endJob(job.jobId, "stopped", null);
    }
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
        memoryBytes: 2 ** 30,
        memoryUsedBytes: 2 ** 28,
        cpuPercent: 50,
      };
      this.nodes.set(node.nodeId, node);
      return node;
    });
  }

  leave(nodeId: string, reason: "idle" | "drained" | "lost"): void {
    this.nodes.delete(nodeId);
    this.departed = [...this.departed, { nodeId, reason, message: "" }];
  }

  /** Tells everything, under the next number unless another is given. */
  async tell(seq = ++this.seq): Promise<z.infer<typeof ObservedAck>> {
    const observation: Observation = {
      incarnation: this.incarnation,
      seq,
      appliedRevision: this.desired?.revision ?? 0,
      jobs: [...this.jobs.values()],
      services: [...this.services.values()],
      cluster: {
        nodes: [...this.nodes.values()],
        departed: this.departed,
        pending: this.pending,
        demands: this.demands,
      },
    };
    return ObservedAck.parse(
      await answered(await this.send(post("/api/agent/observed", observation, this.token))),
    );
  }
}

const post = (path: string, body: unknown, token?: string): Request =>
  new Request(`http://console${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });

async function answered(response: Response): Promise<unknown> {
  const json: unknown = await response.json();
  if (!response.ok) throw new Refused(response.status, JSON.stringify(json));
  return json;
}
