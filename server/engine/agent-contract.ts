/**
 * What a console may rely on in an agent, whoever plays it: the real one on Ray and the fake one pass this same test,
 * so what is proved of the console with the fake holds with the real. Used in tests only.
 */
import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { newId } from "../platform/ids";
import type { DesiredState } from "./contract";
import { ScriptedConsole } from "./scripted-console";

export interface RunningAgent {
  /** Ends it without warning and starts it anew; what its cluster does goes on. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts an agent that is not enrolled yet. Rejects with the console's words when that refuses the token. */
export type StartAgent = (consoleUrl: string, oneTimeToken: string) => Promise<RunningAgent>;

type Attempt = DesiredState["attempts"][number];
type Session = DesiredState["sessions"][number];
type Replica = DesiredState["replicas"][number];

const POOL = { name: "cpu", min: 0, max: 1, idleSeconds: 60, resources: { CPU: 1 } };
const MODEL = "examples/fashion-resnet/model.onnx";
const NO_BLOB = "0".repeat(64);

/** @param patienceMs how long each state is waited for */
export function describeAgent(name: string, start: StartAgent, patienceMs: number): void {
  describe(name, { timeout: 4 * patienceMs }, () => {
    let scripted: ScriptedConsole;
    beforeAll(async () => {
      scripted = await ScriptedConsole.open(patienceMs);
    });
    afterAll(() => scripted.close());

    const isApplied = () => scripted.observed.appliedRevision === scripted.desired.revision;
    const isRunning = (attempt: Attempt) =>
      scripted.job(attempt)?.state === "running" && scripted.hasBegun(attempt);

    /** Desires one more attempt and waits until it runs. Whatever was to begin before it has begun then. */
    async function launch(): Promise<Attempt> {
      const attempt = scripted.newAttempt();
      scripted.desire({ attempts: [...scripted.desired.attempts, attempt] });
      await scripted.until(() => isApplied() && isRunning(attempt), "a running job");
      return attempt;
    }

    it("fails to enrol with a token that nobody handed out", async () => {
      const started = start(scripted.url, "another-one-time-token");
      await expect(started).rejects.toThrow("Nobody handed out this token");
      expect(scripted.enrolments).toBe(0);
    });

    describe("once enrolled", () => {
      let agent: RunningAgent;
      beforeAll(async () => {
        agent = await start(scripted.url, scripted.oneTimeToken);
      });
      afterEach(async () => {
        scripted.comeBack();
        scripted.desire({ attempts: [], sessions: [], replicas: [] });
        const isIdle = () => scripted.observed.jobs.length + scripted.observed.services.length === 0;
        await scripted.until(() => isApplied() && isIdle(), "an idle cluster");
      });
      afterAll(() => agent.stop());

      /** Starts the agent anew and waits for its first word. */
      async function restart(): Promise<void> {
        const { incarnation } = scripted.observed;
        await agent.restart();
        await scripted.until(() => scripted.observed.incarnation !== incarnation, "a new incarnation");
      }

      it("hears what is desired while it waits for it, and tells that it is so", async () => {
        await scripted.until(() => isApplied() && scripted.held > 0, "a poll that waits");
        const revision = scripted.desire({});
        await scripted.until(isApplied, "the newer revision");
        expect(scripted.heldUntil.at(-1)).toBe(revision);
      });

      it("runs each attempt as a job of the same ids", async () => {
        const attempts = await Promise.all([launch(), launch()]);
        const idsOf = ({ jobId, attemptId }: Pick<Attempt, "jobId" | "attemptId">) => `${jobId} ${attemptId}`;
        expect(scripted.observed.jobs.map(idsOf).sort()).toEqual(attempts.map(idsOf).sort());
      });

      it("begins an attempt once, however often it is desired", async () => {
        const attempt = await launch();
        scripted.desire({});
        await scripted.until(isApplied, "the same under a newer revision");
        await launch();
        expect(isRunning(attempt)).toBe(true);
      });

      it("tells how a job ended for as long as it is desired, and does not begin it again", async () => {
        const attempt = scripted.newAttempt({ isOver: true });
        scripted.desire({ attempts: [attempt] });
        await scripted.until(() => scripted.job(attempt)?.state === "failed", "a failed job");
        expect(scripted.job(attempt)?.exitCode).toBeGreaterThan(0);
        await launch();
        expect(scripted.job(attempt)?.state).toBe("failed");
      });

      it("stops what is not desired any more, and then tells of it no longer", async () => {
        const [kept, dropped] = await Promise.all([launch(), launch()]);
        scripted.desire({ attempts: [kept] });
        await scripted.until(() => !scripted.job(dropped), "the end of a job");
        expect(["running", "stopped"]).toContain(scripted.lastStateOf(dropped));
        expect(isRunning(kept)).toBe(true);
      });

      it("keeps services for as long as they are desired", async () => {
        const digest = scripted.store(await readFile(MODEL));
        const [session, replica] = [newSession(), newReplica(digest)];
        scripted.desire({ pools: [POOL], sessions: [session], replicas: [replica] });
        await scripted.until(() => scripted.service(replica.replicaId)?.state === "ready", "a ready replica");
        expect(scripted.service(replica.replicaId)?.kind).toBe("replica");
        expect(scripted.service(session.sessionId)?.kind).toBe("session");
        scripted.desire({ sessions: [] });
        await scripted.until(() => !scripted.service(session.sessionId), "the end of the session");
        expect(scripted.service(replica.replicaId)?.state).toBe("ready");
      });

      it("is another incarnation when it starts anew, and enrolled as before", async () => {
        await restart();
        expect(scripted.observed.seq).toBe(1);
        expect(scripted.enrolments).toBe(1);
      });

      it("finds its jobs again when it starts anew, and begins none twice", async () => {
        const attempt = await launch();
        await restart();
        expect(scripted.observed.jobs.map((job) => job.jobId)).toEqual([attempt.jobId]);
        await launch();
        expect(isRunning(attempt)).toBe(true);
      });

      it("follows a console that was restored from a backup", async () => {
        const kept = await launch();
        const backup = scripted.desired;
        const dropped = await launch();
        scripted.restore(backup);
        await scripted.until(() => isApplied() && !scripted.job(dropped), "what was desired then");
        await launch();
        expect(isRunning(kept)).toBe(true);
      });

      it("tells again what was turned away", async () => {
        const dropped = await launch();
        scripted.turnAway(503, ["observed"]);
        const added = scripted.newAttempt();
        scripted.desire({ attempts: [added] });
        const hasTold = () => scripted.told.length === 1 && scripted.told[0]?.jobId === added.jobId;
        await scripted.until(hasTold, "news that was told in vain");
        scripted.comeBack();
        await scripted.until(() => isApplied() && isRunning(added) && !scripted.job(dropped), "that news");
      });

      it.each([503, 401, "cut"] as const)("goes on after an outage (%s)", async (outage) => {
        const dropped = await launch();
        scripted.turnAway(outage);
        const added = scripted.newAttempt();
        scripted.desire({ attempts: [added] });
        await scripted.until(() => scripted.turnedAway.size === 2, "an agent that asked and told in vain");
        scripted.comeBack();
        await scripted.until(() => isApplied() && isRunning(added) && !scripted.job(dropped), "news of then");
      });
    });
  });
}

const newReplica = (digest: string): Replica => ({
  replicaId: newId("rpl"),
  token: "token-of-a-replica",
  modelName: "garments",
  versionNumber: 1,
  digest,
  cpus: 0.1,
  maxBatch: 32,
  maxDelayMs: 2,
  maxQueue: 256,
});

/** One whose model the console does not have: it may fail, and says so then. */
const newSession = (): Session => ({
  sessionId: newId("ses"),
  token: "token-of-a-session",
  model: NO_BLOB,
  floatModel: NO_BLOB,
  dataset: {
    datasetId: newId("ds"),
    name: "garments",
    files: [{ role: "data", format: "npz", sha256: NO_BLOB, bytes: 1, name: "garments.npz" }],
    split: { kind: "seeded", seed: 0, testFraction: 0.2 },
    transform: { scale: 1, mean: 0, std: 1 },
    task: "classification",
  },
  cpus: 0.1,
});
