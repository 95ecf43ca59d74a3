/**
 * What agents are held to in tests: messages of exactly the contract's shapes, and the rules that no shape can say,
 * which hold from one observation to the next. Used in tests only; the console is patient with agents that break them.
 */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Observation } from "./contract";

const SECTIONS = ["jobs", "services", "cluster"] as const;
const ENDED = new Set<Job["state"]>(["succeeded", "failed", "stopped", "lost"]);

type Section = (typeof SECTIONS)[number];
type Job = NonNullable<Observation["jobs"]>[number];
type Service = NonNullable<Observation["services"]>[number];

/** An agent broke the protocol. */
export class Breach extends Error {}

/**
 * Zod strips what it does not know; here that is refused at any depth.
 *
 * @throws Breach
 */
export function strictly<T>(schema: z.ZodType<T>, message: unknown): T {
  const parsed = schema.safeParse(message);
  if (!parsed.success) throw new Breach(z.prettifyError(parsed.error));
  if (!isDeepStrictEqual(parsed.data, message))
    throw new Breach(`the contract does not know all of ${JSON.stringify(message)}`);
  return parsed.data;
}

interface Incarnation {
  seq: number;
  appliedRevision: number;
  /** What the next observation must hold: everything at first, and again what the console turned away. */
  owed: readonly Section[];
}
const UNHEARD: Incarnation = { seq: -1, appliedRevision: 0, owed: SECTIONS };

export class ProtocolRules {
  private readonly incarnations = new Map<string, Incarnation>();
  private ended = new Map<string, Job["state"]>();
  private handedOut = 0;
  private mostHandedOut = 0;

  /** Notes that the agent has the desired state of this revision; an earlier one is where it goes back to. */
  handOut(revision: number): void {
    if (revision < this.handedOut)
      for (const [name, before] of this.incarnations)
        this.incarnations.set(name, { ...before, appliedRevision: 0 });
    this.handedOut = revision;
    this.mostHandedOut = Math.max(this.mostHandedOut, revision);
  }

  /**
   * Takes the next observation.
   *
   * @param acknowledged the revision that the console answers, or null when it turns the observation away
   * @throws Breach
   */
  observe(seen: Observation, acknowledged: number | null): void {
    const { seq, appliedRevision } = seen;
    const before = this.incarnations.get(seen.incarnation) ?? UNHEARD;
    if (seq <= before.seq) throw new Breach(`observation ${seq} follows ${before.seq}`);
    // What a console that was restored does not know of is told until the agent hears of it by its next poll.
    const isOfLater = acknowledged !== null && acknowledged < appliedRevision;
    if (appliedRevision > (isOfLater ? this.mostHandedOut : this.handedOut))
      throw new Breach(`revision ${appliedRevision} is applied, ${this.handedOut} was handed out`);
    if (appliedRevision < before.appliedRevision)
      throw new Breach(`revision ${appliedRevision} is applied after ${before.appliedRevision}`);
    const missing = before.owed.filter((section) => !seen[section]);
    if (missing.length > 0) throw new Breach(`observation ${seq} lacks ${missing.join(" and ")}`);
    if (seen.jobs) this.checkJobs(seen.jobs);
    if (seen.services) checkServices(seen.services);

    this.incarnations.set(seen.incarnation, {
      seq,
      appliedRevision: isOfLater ? 0 : appliedRevision,
      owed: acknowledged === null ? SECTIONS.filter((s) => seen[s] || before.owed.includes(s)) : [],
    });
  }

  private checkJobs(jobs: readonly Job[]): void {
    checkUnique(jobs.map((job) => job.jobId));
    for (const { jobId, state } of jobs) {
      const end = this.ended.get(jobId) ?? state;
      if (end !== state) throw new Breach(`job ${jobId} is ${state} after it had ${end}`);
    }
    this.ended = new Map(jobs.filter((job) => ENDED.has(job.state)).map((job) => [job.jobId, job.state]));
  }
}

function checkServices(services: readonly Service[]): void {
  checkUnique(services.map((service) => `${service.kind} ${service.id}`));
  for (const { id, state, address, message } of services) {
    if ((state === "ready") !== (address !== null)) throw new Breach(`${id} is ${state} at ${address}`);
    if (state === "failed" && !message) throw new Breach(`${id} failed without a reason`);
  }
}

function checkUnique(ids: readonly string[]): void {
  const twice = ids.find((id, index) => ids.indexOf(id) < index);
  if (twice) throw new Breach(`${twice} is told twice in one observation`);
}
