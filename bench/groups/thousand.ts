/**
 * A cluster of 1,000 nodes with 8 GPUs each before a person's eyes: told once a second by the agent's own protocol over
 * HTTP to a console that has 10,000 runs, and looked at in a browser.
 */
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { makeFirstTeamByApi, until } from "../../e2e/fixtures/api";
import { signInToConsole } from "../../e2e/fixtures/browser";
import { type Product, startProduct } from "../../e2e/fixtures/product";
import { ENGINEER } from "../../e2e/pages/entry";
import { FakeAgent } from "../../server/engine/fake-agent";
import { FakeCluster } from "../../server/engine/fake-cluster";
import { openBrowser } from "../browser";
import { inDatabase } from "../database";
import { type Figures, figure } from "../result";
import { multiplyRun } from "../runs";
import { times } from "./runs";

const SHAPE = { nodes: 1_000, gpus: 8, seed: 7, churn: 20 };
const RUNS = 10_000;
/** Runs that wait for nodes larger than there are. */
const WAITING = 200;
const TOO_LARGE = { workers: 1, minWorkers: 1, cpus: 128, gpus: 0 };
const CHANGES = 20;
const WATCHED_SECONDS = 30;
const PASS_SECONDS = 60;
/** Of a frame: beyond it a person feels that the page hangs. */
const LONG_FRAME_MS = 50;
/** Of the longest frames so many are told with when they were. */
const LONGEST = 5;

export async function thousand(): Promise<Figures> {
  const product = await startProduct({ LATHE_CLUSTER: "none" });
  const browser = await openBrowser();
  const agent = await enrolled(product);
  const fake = new FakeCluster(agent, SHAPE);
  await agent.tell();
  const speaking = new Speaker(agent, fake);
  try {
    const { api, team } = await makeFirstTeamByApi(product.url, product.link, ENGINEER, "bench");
    const page = await signInToConsole(browser, product.url, ENGINEER);
    const cell = () =>
      page
        .locator("[data-node]")
        .nth(SHAPE.nodes - 100)
        .waitFor();
    const first = await times(page, `/${team}/cluster`, cell);
    const { nodes } = await api.cluster.overview.query({ team });
    const ids = new Map(nodes.map(({ nodeId, id }) => [nodeId, id]));
    const changes: number[] = [];
    for (let i = 0; i < CHANGES; i += 1) changes.push(await changeToPixel(page, speaking, ids, i));
    const frames = await framesOf(page, WATCHED_SECONDS);
    const passes = await passTimes(product, api, team);
    return {
      "cluster.page_1000_nodes_first_content": figure(first, "ms", {
        of: "1,000 nodes × 8 GPUs",
        from: "the address to the cells of the map",
      }),
      "cluster.change_to_pixel": figure(changes, "ms", {
        from: "the agent begins to tell that a node is idle to its cell drawn so, readings of all nodes told beside it",
      }),
      "cluster.page_frames": figure(
        frames.map(([, took]) => took),
        "ms",
        {
          of: `each frame in ${WATCHED_SECONDS} s at 1 Hz`,
          // Three ticks of a display are 50.000000001 ms.
          long: frames.filter(([, took]) => Math.round(took) > LONG_FRAME_MS).length,
          longest: longest(frames),
          load: loadavg(),
        },
      ),
      "cluster.controller_pass": figure([passes.sum], "ms", {
        of: `the sum of the mean pass of each task over ${PASS_SECONDS} s`,
        runs: RUNS,
        waiting: WAITING,
        tasks: passes.byTask,
      }),
      "cluster.report_over_http": figure(speaking.took, "ms", {
        of: "readings of 1,000 nodes to the answer",
      }),
    };
  } finally {
    await speaking.stop();
    await browser.close();
    await product.stop();
  }
}

/** Tells readings once a second, and what else there is to tell between two of them. */
class Speaker {
  readonly took: number[] = [];
  private over = false;
  private turn: Promise<unknown> = Promise.resolve();
  private readonly done: Promise<void>;

  constructor(
    readonly agent: FakeAgent,
    readonly fake: FakeCluster,
  ) {
    this.done = this.speak();
  }

  /** One after the other: an agent never tells two things at once. */
  say<T>(what: () => Promise<T>): Promise<T> {
    const said = this.turn.then(what);
    this.turn = said.catch(() => undefined);
    return said;
  }

  async stop(): Promise<void> {
    this.over = true;
    await this.done;
  }

  private async speak(): Promise<void> {
    while (!this.over) {
      const began = performance.now();
      await this.say(async () => {
        this.fake.read();
        const start = performance.now();
        await this.agent.tellReadings();
        this.took.push(performance.now() - start);
      }).catch(() => undefined); // The product is about to stop.
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1000 - (performance.now() - began))));
    }
  }
}

function enrolled(product: Product): Promise<FakeAgent> {
  const token = readFileSync(join(product.home, "secrets/agent-enrol.token"), "utf8").trim();
  const send = async (request: Request): Promise<Response> => {
    const { pathname, search } = new URL(request.url);
    const body = request.method === "POST" ? await request.text() : null;
    return fetch(`${product.url}${pathname}${search}`, {
      method: request.method,
      headers: request.headers,
      body,
    });
  };
  return FakeAgent.enrol(send, token);
}

/** Milliseconds until the page shows that one node has turned from active to idle or back. */
async function changeToPixel(page: Page, speaker: Speaker, ids: ReadonlyMap<string, string>, which: number) {
  const { agent } = speaker;
  const node = [...agent.nodes.values()][which * 7];
  if (!node) throw new Error("the node is there");
  const state = node.state === "idle" ? "active" : "idle";
  const began = performance.now();
  const seen = page.waitForFunction(
    ([id, look]) => document.querySelector(`[data-node="${id}"]`)?.classList.contains(look),
    [ids.get(node.nodeId) ?? "", state] as const,
    { polling: "raf" },
  );
  await speaker.say(() => {
    const used = state === "idle" ? { cpusUsed: 0, gpusUsed: 0 } : {};
    agent.nodes.set(node.nodeId, { ...node, ...used, state });
    return agent.tell();
  });
  await seen;
  return performance.now() - began;
}

/** As text: what compiles this file adds helpers to functions, which no page has. */
const FRAMES = (ms: number) => `new Promise((resolve) => {
  const frames = [];
  const began = performance.now();
  let before = began;
  const tick = (now) => {
    frames.push([now - began, now - before]);
    before = now;
    if (now - began < ${ms}) requestAnimationFrame(tick);
    else resolve(frames.slice(1));
  };
  requestAnimationFrame(tick);
})`;

/** When a frame was drawn since the first, and how long after the one before it, ms. */
type Frame = readonly [at: number, took: number];

/** The frames while nobody does anything. */
const framesOf = (page: Page, seconds: number): Promise<Frame[]> => page.evaluate(FRAMES(seconds * 1000));

const longest = (frames: readonly Frame[]) =>
  [...frames]
    .sort(([, a], [, b]) => b - a)
    .slice(0, LONGEST)
    .map(([at, took]) => ({ atSeconds: Math.round(at) / 1000, ms: Math.round(took) }));

/** What the controller's tasks take with many runs, by its own measure. */
async function passTimes(
  product: Product,
  api: Awaited<ReturnType<typeof makeFirstTeamByApi>>["api"],
  team: string,
) {
  const { runs } = await until("a run", async () => {
    const found = await api.runs.list.query({ team, limit: 1 });
    return found.runs.length > 0 && found;
  });
  const id = runs[0]?.id ?? "";
  await inDatabase(product, async (client) => {
    await multiplyRun(client, id, RUNS - WAITING, { state: "succeeded", ended_at: new Date() });
    await multiplyRun(client, id, WAITING, { state: "queued", resources: TOO_LARGE });
  });
  const before = await scraped(product);
  await new Promise((resolve) => setTimeout(resolve, PASS_SECONDS * 1000));
  const after = await scraped(product);
  const byTask = Object.fromEntries(
    Object.entries(after).flatMap(([task, now]) => {
      const was = before[task] ?? { sum: 0, count: 0 };
      return now.count > was.count ? [[task, (1000 * (now.sum - was.sum)) / (now.count - was.count)]] : [];
    }),
  );
  return { sum: Object.values(byTask).reduce((all, took) => all + took, 0), byTask };
}

async function scraped({ home, environment }: Product) {
  const token = readFileSync(join(home, "secrets/metrics.token"), "utf8").trim();
  const response = await fetch(`http://127.0.0.1:${environment.LATHE_CONTROLLER_PORT}/metrics`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const found: Record<string, { sum: number; count: number }> = {};
  for (const [, what, task, value] of (await response.text()).matchAll(
    /^lathe_controller_pass_seconds_(sum|count)\{[^}]*task="([^"]+)"[^}]*\} (\S+)$/gm,
  )) {
    const of = found[task ?? ""] ?? { sum: 0, count: 0 };
    found[task ?? ""] = { ...of, [what === "sum" ? "sum" : "count"]: Number(value) };
  }
  return found;
}
