/** A studio session's life: opened on a warm cluster, its scan waited for, a newer setting taking over. */
import { type Api, until } from "../../e2e/fixtures/api";
import { type Bench, nextRevision, openSession } from "../project";
import { type Figures, figure } from "../result";

const SESSIONS = 3;
const TAKEOVERS = 20;
/** An idle session goes after 90 s (e2e/fixtures/product.ts); its cluster stays. */
const IDLE_LIMIT_MS = 300_000;
/** Less than a node of the bench may idle. */
const WARM_MS = 12_000;

type Settings = Parameters<Api["studio"]["evaluate"]["mutate"]>[0]["settings"];

export async function sessions(bench: Bench): Promise<Figures> {
  const { api, team } = bench;
  const opened: number[] = [];
  const scanned: number[] = [];
  let sessionId = await openSession(bench);
  for (let i = 0; i < SESSIONS; i += 1) {
    const last = sessionId;
    await until(
      "the idle session is closed",
      async () => (await api.studio.session.query({ team, sessionId: last })).state !== "ready",
      IDLE_LIMIT_MS,
      1000,
    );
    await warmNode(bench);
    const began = performance.now();
    sessionId = await openSession(bench);
    opened.push((performance.now() - began) / 1000);
    scanned.push(await timeToScan(bench, sessionId));
  }
  return {
    "studio.open_warm": figure(opened, "s", { from: "asking for it to the state 'ready'" }),
    "studio.scan": figure(scanned, "ms", { from: "a setting by sensitivity to its build, in a new session" }),
    "studio.cancel": figure(await takeovers(bench, sessionId), "ms", {
      from: "asking for a newer revision to the older one's 'superseded'",
    }),
  };
}

/** Waits until a node is free, and has had the time to load what the next process on it needs. */
async function warmNode({ api, team }: Bench): Promise<void> {
  await until("a node is free", async () => {
    const { nodes } = await api.cluster.overview.query({ team });
    return nodes.some((node) => !node.isHead && node.cpusUsed === 0);
  });
  await new Promise((resolve) => setTimeout(resolve, WARM_MS));
}

async function timeToScan({ api, team }: Bench, sessionId: string): Promise<number> {
  const settings: Settings = { sparsity: 0.5, allocation: "sensitivity" };
  const lines = await api.studio.evaluate.mutate({ team, sessionId, rev: nextRevision(), settings });
  for await (const line of lines) {
    if (line.type === "built") return line.elapsedMs;
    if (line.type === "failed") throw new Error(`the scan failed: ${line.message}`);
  }
  throw new Error("the session ended before its scan did");
}

/** How long after a newer revision was asked for an older one, in the middle of its samples, has ended. */
async function takeovers({ api, team }: Bench, sessionId: string): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < TAKEOVERS; i += 1) {
    const rev = nextRevision();
    const older = await api.studio.evaluate.mutate({ team, sessionId, rev, settings: { sparsity: 0.3 } });
    let newer: ReturnType<typeof first> | undefined;
    let began = 0;
    for await (const line of older) {
      if (line.type === "accuracy" && !newer) {
        began = performance.now();
        newer = first(api, { team, sessionId, rev: nextRevision(), settings: { sparsity: 0.6 } });
      }
      if (line.type === "superseded") times.push(performance.now() - began);
    }
    await newer;
  }
  return times;
}

/** Waits for the first accuracy of a setting and goes away. */
async function first(api: Api, asked: Parameters<Api["studio"]["evaluate"]["mutate"]>[0]): Promise<void> {
  for await (const line of await api.studio.evaluate.mutate(asked)) if (line.type === "accuracy") return;
}
