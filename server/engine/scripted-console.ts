/**
 * A console that does as a test says and takes no word on trust: whatever an agent sends is parsed strictly and held
 * against the rules of the protocol. It answers the agent's routes, and those of the worker door that a driver or a
 * service needs to begin. Used in tests only.
 */
import { createHash } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { z } from "zod";
import { newId } from "../platform/ids";
import { type AttemptSpec, LogsReport, ProgressReport, type RoomAnswer, RoomRequest } from "../runs/contract";
import { type DesiredState, type Enrolled, EnrolRequest, Observation, type ObservedAck } from "./contract";
import { Breach, ProtocolRules, strictly } from "./protocol-rules";

type Attempt = DesiredState["attempts"][number];
type KnownAttempt = Attempt & { readonly isOver: boolean; hasBegun: boolean };
type Observed = Pick<Observation, "incarnation" | "seq" | "appliedRevision"> & {
  jobs: NonNullable<Observation["jobs"]>;
  services: NonNullable<Observation["services"]>;
};
type Sections = Pick<DesiredState, "attempts" | "sessions" | "replicas" | "pools">;
/** Null breaks the line off. */
type Answer = [status: number, body?: unknown] | null;
/** How agents are turned away: with a status, or by a line that breaks off. */
export type Outage = 401 | 503 | "cut";
type Route = "desired" | "observed";

const AGENT_TOKEN = "lathe_agent_of_the_contract";
const DesiredQuery = z.strictObject({
  after: z.coerce.number().int().min(-1),
  wait: z.coerce.number().min(0).max(60),
});

export class ScriptedConsole {
  readonly oneTimeToken = "one-time-token-of-the-contract";
  enrolments = 0;
  desired: DesiredState = {
    clusterId: newId("clu"),
    revision: 1,
    attempts: [],
    sessions: [],
    replicas: [],
    pools: [],
    nodes: [],
  };
  /** The newest of everything that agents told. */
  observed: Observed = { incarnation: "", seq: 0, appliedRevision: 0, jobs: [], services: [] };
  /** Polls that wait for a newer desired state. */
  held = 0;
  /** The revisions that such polls, and no others, brought to the agent. */
  readonly heldUntil: number[] = [];
  /** Where agents were turned away since the outage began. */
  readonly turnedAway = new Set<Route>();
  /** The newest of what agents told of jobs, taken or turned away. */
  told: Observed["jobs"] = [];

  private breaches: unknown[] = [];
  private readonly outages = new Map<Route, Outage>();
  private readonly attempts = new Map<string, KnownAttempt>();
  private readonly blobs = new Map<string, Buffer>();
  private readonly lastStates = new Map<string, string>();
  private readonly rules = new ProtocolRules();
  private readonly events = new EventEmitter();
  private readonly server = createServer((request, response) => void this.serve(request, response));

  private constructor(private readonly patienceMs: number) {}

  /** @param patienceMs how long `until` waits for anything */
  static async open(patienceMs: number): Promise<ScriptedConsole> {
    const opened = new ScriptedConsole(patienceMs);
    await once(opened.server.listen(0, "127.0.0.1"), "listening");
    return opened;
  }

  get url(): string {
    const address = this.server.address();
    if (typeof address !== "object" || !address) throw new Error("the console has no port");
    return `http://127.0.0.1:${address.port}`;
  }

  async close(): Promise<void> {
    const closed = once(this.server.close(), "close");
    this.server.closeAllConnections();
    await closed;
  }

  /** Makes an attempt that waits for more than any test's cluster has; one that is over ends as soon as it begins. */
  newAttempt({ isOver = false } = {}): Attempt {
    const runId = newId("run");
    const attempt: Attempt = {
      jobId: `${runId}-1`,
      runId,
      attemptId: newId("att"),
      kind: "inspect_model",
      token: `token-of-${runId}`,
      resources: { workers: 1, cpus: 64, gpus: 0 },
      reserve: 1,
    };
    this.attempts.set(attempt.token, { ...attempt, isOver, hasBegun: false });
    return attempt;
  }

  /** Keeps a blob for services and answers its digest. */
  store(content: Buffer): string {
    const digest = createHash("sha256").update(content).digest("hex");
    this.blobs.set(digest, content);
    return digest;
  }

  /** Desires other things under a new revision, and answers that. */
  desire(sections: Partial<Sections>): number {
    this.desired = { ...this.desired, ...sections, revision: this.desired.revision + 1 };
    this.events.emit("desired");
    return this.desired.revision;
  }

  /** Goes back to what was desired earlier, as a console does that was restored from a backup: it was started anew. */
  restore(earlier: DesiredState): void {
    this.desired = earlier;
    this.server.closeAllConnections();
  }

  /** Turns agents away from now on; the worker door stays open. */
  turnAway(outage: Outage, routes: readonly Route[] = ["desired", "observed"]): void {
    for (const route of routes) this.outages.set(route, outage);
    this.turnedAway.clear();
    this.server.closeAllConnections();
  }

  /** Ends the outage. */
  comeBack(): void {
    this.outages.clear();
  }

  job({ jobId }: Attempt) {
    return this.observed.jobs.find((job) => job.jobId === jobId);
  }

  service(id: string) {
    return this.observed.services.find((service) => service.id === id);
  }

  /** What was last told of a job, however long ago. */
  lastStateOf({ jobId }: Attempt): string | undefined {
    return this.lastStates.get(jobId);
  }

  /** Whether a driver of this attempt asked what there is to do, which is the first thing that it does. */
  hasBegun({ token }: Attempt): boolean {
    return this.attempts.get(token)?.hasBegun ?? false;
  }

  /**
   * Waits until it is so. Nothing happens between that and what the caller does next.
   *
   * @throws Breach when an agent broke the protocol, Error with what was observed last when it does not come to be
   */
  async until(isSo: () => boolean, what: string): Promise<void> {
    const signal = AbortSignal.timeout(this.patienceMs);
    for (;;) {
      const breaches = this.breaches.splice(0);
      if (breaches.length > 0) throw new Breach(breaches.join("\n"));
      if (isSo()) return;
      await once(this.events, "asked", { signal }).catch(() => {
        throw new Error(`${what} did not come to be; observed: ${JSON.stringify(this.observed)}`);
      });
    }
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const hungUp = new AbortController();
    response.once("close", () => hungUp.abort());
    try {
      send(response, await this.answer(request, hungUp.signal));
    } catch (error) {
      if (!request.socket.destroyed) this.breaches.push(error);
      response.destroy();
    }
    this.events.emit("asked");
  }

  private async answer(request: IncomingMessage, hungUp: AbortSignal): Promise<Answer> {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    const body = request.method === "POST" ? await json(request) : null;
    const [, token = ""] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "") ?? [];
    switch (`${request.method} ${pathname}`) {
      case "POST /api/agent/enrol":
        return this.enrol(strictly(EnrolRequest, body));
      case "GET /api/agent/desired":
        mustBeEnrolled(token);
        return this.hold(DesiredQuery.parse(Object.fromEntries(searchParams)), hungUp);
      case "POST /api/agent/observed":
        mustBeEnrolled(token);
        return this.observe(strictly(Observation, body));
      case "GET /api/worker/spec":
        return this.begin(this.attemptOf(token));
      case "POST /api/worker/progress":
        this.attemptOf(token);
        strictly(ProgressReport, body);
        return [204];
      case "POST /api/worker/room":
        this.attemptOf(token);
        strictly(RoomRequest, body);
        return [200, { workers: 1 } satisfies z.infer<typeof RoomAnswer>];
      case "POST /api/worker/logs":
        this.attemptOf(token);
        strictly(LogsReport, body);
        return [204];
    }
    const [, digest] = /^\/api\/worker\/blobs\/(\w+)$/.exec(pathname) ?? [];
    if (!digest) throw new Breach(`nothing answers at ${request.method} ${pathname}`);
    const blob = this.blobs.get(digest);
    return blob ? [200, blob] : [404, refusal("not_found", "There is no such blob.")];
  }

  private enrol({ token }: z.infer<typeof EnrolRequest>): Answer {
    if (token !== this.oneTimeToken || this.enrolments > 0)
      return [401, refusal("unknown_enrol_token", "Nobody handed out this token.")];
    this.enrolments += 1;
    return [
      200,
      { clusterId: this.desired.clusterId, token: AGENT_TOKEN } satisfies z.infer<typeof Enrolled>,
    ];
  }

  private async hold({ after, wait }: z.infer<typeof DesiredQuery>, hungUp: AbortSignal): Promise<Answer> {
    const outage = this.outages.get("desired");
    if (outage) return this.refuse("desired", outage);
    const signal = AbortSignal.any([hungUp, AbortSignal.timeout(wait * 1000)]);
    const isHeld = this.desired.revision === after && wait > 0;
    while (isHeld && this.desired.revision === after && !signal.aborted) {
      this.held += 1;
      this.events.emit("asked");
      await once(this.events, "desired", { signal }).catch(() => {});
      this.held -= 1;
    }
    if (this.desired.revision === after) return [204];
    if (isHeld) this.heldUntil.push(this.desired.revision);
    this.rules.handOut(this.desired.revision);
    return [200, this.desired];
  }

  private observe(seen: Observation): Answer {
    const outage = this.outages.get("observed");
    const { revision } = this.desired;
    this.rules.observe(seen, outage ? null : revision);
    this.told = seen.jobs ?? this.told;
    if (outage) return this.refuse("observed", outage);
    const { jobs, services } = this.observed;
    this.observed = { ...seen, jobs: seen.jobs ?? jobs, services: seen.services ?? services };
    for (const { jobId, state } of this.observed.jobs) this.lastStates.set(jobId, state);
    return [
      200,
      { seq: seen.seq, revision, dropped: 0, superseded: false } satisfies z.infer<typeof ObservedAck>,
    ];
  }

  private refuse(route: Route, outage: Outage): Answer {
    this.turnedAway.add(route);
    return outage === "cut" ? null : [outage, refusal("outage", "Not now.")];
  }

  private attemptOf(token: string): KnownAttempt {
    const attempt = this.attempts.get(token);
    if (!attempt) throw new Breach("a driver came without the token of an attempt");
    return attempt;
  }

  private begin(attempt: KnownAttempt): Answer {
    if (attempt.hasBegun) throw new Breach(`${attempt.attemptId} was begun twice`);
    attempt.hasBegun = true;
    const { runId, attemptId, resources, isOver } = attempt;
    if (isOver) return [409, refusal("stale_attempt", "This attempt is over.")];
    const limits = { bytes: 1, memoryBytes: 1, seconds: 1 };
    const spec: AttemptSpec = {
      teamId: newId("team"),
      runId,
      attemptId,
      attempt: 1,
      maxAttempts: 1,
      resources,
      spec: { kind: "inspect_model", blob: "0".repeat(64), filename: "model.onnx", limits },
      checkpoint: null,
      microBatch: null,
    };
    return [200, spec];
  }
}

function send(response: ServerResponse, answer: Answer): void {
  if (!answer) return void response.destroy();
  const [status, body] = answer;
  const isBlob = Buffer.isBuffer(body);
  response.writeHead(status, { "content-type": isBlob ? "application/octet-stream" : "application/json" });
  response.end(isBlob || body === undefined ? body : JSON.stringify(body));
}

function mustBeEnrolled(token: string): void {
  if (token !== AGENT_TOKEN) throw new Breach("an agent spoke without the token that it was enrolled with");
}

const refusal = (code: string, message: string) => ({ error: { code, message, requestId: newId("req") } });
