/**
 * Processes of the running product are killed with `kill -9` in the middle of their work; the supervisor starts them
 * again, and nothing that was promised before is lost. Goes on with the first admin that the journey made, or makes it.
 */
import { createCipheriv, createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, expect, test } from "@playwright/test";
import { Upload } from "tus-js-client";
import { type Sample, sampleProject } from "../../bench/project";
import { deriveToken } from "../../server/platform/tokens";
import { type Api, makeFirstTeamByApi, signInByApi, until } from "../fixtures/api";
import { startLoad } from "../fixtures/load";
import { kill, killPostgres, killRayHead, pidOf } from "../fixtures/processes";
import { stage } from "../fixtures/stage";
import { ENGINEER } from "../pages/entry";

// Every wait is for a state; the limit only ends one that is hopeless, on a machine that does other work too.
const LIMIT_MS = 300_000;
test.setTimeout(2 * LIMIT_MS);

const team = "retail-vision";
let home: string;
let url: string;
let api: Api;
let cookie: string;
let sample: Sample;

test.beforeAll(async () => {
  ({ home, url } = stage());
  const { needsFirstAdmin } = await (await fetch(`${url}/api/health`)).json();
  if (needsFirstAdmin) await makeFirstTeamByApi(url, stage().link, ENGINEER, "Retail vision");
  ({ api, cookie } = await signInByApi(url, ENGINEER));
  sample = await sampleProject({ api, team });
});

/** Launches training of the sample on one worker; answers its number once it makes steps. */
async function train(epochs: number): Promise<number> {
  const { versionId, datasetId } = sample;
  const { number } = await api.training.launch.mutate({
    ...{ team, versionId, datasetId, epochs, mode: "fine_tune", workers: 1 },
    ...{ globalBatch: 256, lr: 0.003, seed: 0, checkpointEverySteps: 25 },
  });
  await until(`run ${number} to make steps`, async () => (await detail(number)).state === "running");
  return number;
}

const detail = (number: number) => api.runs.get.query({ team, number });

// --- Postgres ----------------------------------------------------------------------------------------------------

const PROBE = "kills/probe";
const BATCH = 500;
const BATCHES = 12;
const WINDOW = 3_000;
const valueAt = (step: number): number => Math.sin(step);

/** Sends one batch of known points as the attempt; whether it was acknowledged. */
async function report(token: string, batch: number): Promise<boolean> {
  const points = Array.from({ length: BATCH }, (_, i) => {
    const step = batch * BATCH + i;
    return { name: PROBE, rank: 0, step, ts: 1_700_000_000_000 + step, value: valueAt(step) };
  });
  const response = await fetch(`${url}/api/worker/metrics`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ points }),
  }).catch(() => null);
  return response?.ok ?? false;
}

/** Every stored point of the probe, by step: how often it is there, and its value. */
async function stored(
  run: number,
  batches: number,
): Promise<Map<number, { n: number; last: number | null }>> {
  const found = new Map<number, { n: number; last: number | null }>();
  for (let from = 0; from < batches * BATCH; from += WINDOW) {
    const range = { from, to: from + WINDOW - 1, width: WINDOW + 1 };
    const { level, series } = await api.runs.metrics.query({ team, run, name: PROBE, ...range });
    expect(level, "the points themselves are read").toBe(1);
    for (const { step, n, last } of series.flatMap((line) => line.buckets)) found.set(step, { n, last });
  }
  return found;
}

// Fails without the synchronous commit before the answer, without the uniqueness of points, and where rollups count
// what a replay repeats.
test("Postgres is killed while points stream in: each acknowledged one is there, once", async () => {
  const run = await train(100);
  const attempt = (await detail(run)).attempts.at(-1);
  const key = readFileSync(join(home, "secrets/server.key"), "utf8").trim();
  const token = deriveToken("attempt", attempt?.id ?? "", key);

  const acknowledged: number[] = [];
  let next = 0;
  let refused = 0;
  let isOver = false;
  const send = async () => {
    while (!isOver) {
      const batch = next++;
      // A worker keeps what was not acknowledged and sends it again, whether or not it had been stored.
      await until(`batch ${batch}`, async () => (await report(token, batch)) || !++refused);
      acknowledged.push(batch);
    }
  };
  const senders = Promise.all([send(), send(), send(), send()]);
  await until("points to stream", async () => acknowledged.length >= BATCHES, 30_000, 1);
  killPostgres(home);
  await until("the kill to be felt", async () => refused > 0);
  const held = acknowledged.length;
  await until("points to stream again", async () => acknowledged.length >= held + BATCHES);
  isOver = true;
  await senders;

  const expected = new Map(
    acknowledged.flatMap((batch) =>
      Array.from({ length: BATCH }, (_, i) => {
        const step = batch * BATCH + i;
        return [step, { n: 1, last: valueAt(step) }] as const;
      }),
    ),
  );
  expect(differences(await stored(run, next), expected)).toEqual([]);
  for (const batch of acknowledged.slice(held - 4, held + 4)) expect(await report(token, batch)).toBe(true);
  expect(differences(await stored(run, next), expected)).toEqual([]);
  const series = await api.runs.series.query({ team, run });
  expect(series.find(({ name }) => name === PROBE)?.points).toBe(expected.size);

  expect((await detail(run)).attempts).toHaveLength(1);
  await api.runs.stop.mutate({ team, runId: (await detail(run)).id });
  await until("the run to stop", async () => (await detail(run)).state === "stopped");
});

/** Steps that differ, few enough to read. */
const differences = <T>(found: ReadonlyMap<number, T>, expected: ReadonlyMap<number, T>) =>
  [...new Set([...found.keys(), ...expected.keys()])]
    .map((step) => ({ step, found: found.get(step), expected: expected.get(step) }))
    .filter((at) => JSON.stringify(at.found) !== JSON.stringify(at.expected))
    .slice(0, 5);

// --- web ---------------------------------------------------------------------------------------------------------

const MEGABYTE = 2 ** 20;

// Fails where parts or what is known of an upload live in the memory of the web process.
test("the web is killed during an upload: it resumes where it was, to the same bytes", async () => {
  const file = createCipheriv(
    "aes-128-ctr",
    Buffer.alloc(16),
    Buffer.from(randomUUID()).subarray(0, 16),
  ).update(Buffer.alloc(50 * MEGABYTE));
  let killedAt = 0;
  const resumedAt: number[] = [];
  await new Promise<void>((resolve, reject) => {
    new Upload(file, {
      endpoint: `${url}/api/uploads`,
      chunkSize: MEGABYTE,
      headers: { cookie, origin: url },
      metadata: { team, purpose: "dataset", filename: "kills.npz" },
      retryDelays: Array.from({ length: 240 }, () => 250),
      onChunkComplete: (_size, accepted) => {
        if (killedAt > 0 || accepted < 25 * MEGABYTE) return;
        killedAt = accepted;
        kill(home, "web");
      },
      onAfterResponse: (request, response) => {
        if (request.getMethod() === "HEAD") resumedAt.push(Number(response.getHeader("Upload-Offset")));
      },
      onError: reject,
      onSuccess: () => resolve(),
    }).start();
  });
  expect(resumedAt, "it was interrupted, and asked once where to go on").toHaveLength(1);
  expect(resumedAt[0]).toBeGreaterThanOrEqual(killedAt);
  const sha256 = digestOf(file);
  const blob = join(home, "blobs/sha256", sha256.slice(0, 2), sha256);
  expect(digestOf(readFileSync(blob))).toBe(sha256);
});

const digestOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** A screen on a wall, signed in with a display token. */
async function openWall(browser: Browser) {
  const { token } = await api.identity.createToken.mutate({
    ...{ team, name: `wall-${Date.now()}`, expiresInDays: 1 },
    scopes: ["display"],
  });
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1920, height: 1080 } });
  const wall = await context.newPage();
  await wall.goto("/wall");
  await wall.getByLabel("Display token").fill(token);
  await wall.getByRole("button", { name: "Show the wallboard" }).click();
  await expect(wall.getByText("Live", { exact: true })).toBeVisible();
  return wall;
}

// Fails where the wallboard gives up after an error, needs a hand, or shows what is old as if it were new.
test("the web stops and is killed before a wallboard: it says so, and goes on by itself", async ({
  browser,
}) => {
  const wall = await openWall(browser);
  let loads = 0;
  wall.on("load", () => {
    loads += 1;
  });
  const web = await until("the web to run", async () => pidOf(home, "web"));
  process.kill(web, "SIGSTOP");
  try {
    await expect(wall.getByText(/^No link for/)).toBeVisible({ timeout: LIMIT_MS });
    await expect(wall.getByRole("alert").filter({ hasText: "What is shown is from" })).toBeVisible();
  } finally {
    process.kill(web, "SIGKILL");
  }
  await expect(wall.getByText("Live", { exact: true })).toBeVisible({ timeout: LIMIT_MS });
  expect(loads, "nobody loaded the page again").toBe(0);
  await wall.context().close();
});

// --- controller --------------------------------------------------------------------------------------------------

/** Someone who may approve what the engineer asks for. */
async function makeApprover(): Promise<Api> {
  const invite = await api.identity.createInvite.mutate({ team, roles: ["approver", "operator"] });
  const token = new URL(invite.url).searchParams.get("token") ?? "";
  const account = {
    name: "Noor Haddad",
    email: `noor-${Date.now()}@example.com`,
    password: "paper lantern river",
  };
  await api.identity.acceptInvite.mutate({ ...account, token });
  return (await signInByApi(url, account)).api;
}

const lane = () => api.releases.model.query({ team, model: sample.model });
const serving = async () => (await lane()).releases.filter(({ state }) => state === "serving");

/** Asks for production and approves once it is measured; answers before it serves. */
async function approve(approver: Api, versionId: string): Promise<void> {
  const note = "Approved while the controller is about to die.";
  const { number } = await api.releases.createRequest.mutate({
    ...{ team, versionId, note },
    datasetId: sample.datasetId,
  });
  const { digests } = await until("the evidence", async () => {
    const page = await approver.releases.request.query({ team, number });
    return page.state === "open" && page;
  });
  const { versionDigest, evaluationDigest, policyDigest } = digests;
  const seen = { versionDigest, policyDigest, evaluationDigest: evaluationDigest ?? "" };
  await approver.releases.approve.mutate({ team, number, ...seen });
}

/** What serves; the sample's version is brought there when nothing does. */
async function servedVersion(approver: Api) {
  if ((await serving()).length === 0) await approve(approver, sample.versionId);
  return until("a version to serve", async () => (await serving())[0]);
}

async function inferenceToken(): Promise<string> {
  const made = await api.identity.createToken.mutate({
    ...{ team, name: `kills-${Date.now()}`, expiresInDays: 1 },
    scopes: ["inference"],
  });
  return made.token;
}

/** A compressed child of the sample's version that never served. */
async function commitChild() {
  const versionsOf = async () => (await api.models.page.query({ team, model: sample.model })).versions;
  const known = new Set((await versionsOf()).map(({ id }) => id));
  await api.studio.commit.mutate({
    ...{ team, versionId: sample.versionId, datasetId: sample.datasetId },
    settings: { channels: 0, sparsity: 0.1 + known.size / 100, precision: "fp32" },
  });
  return until("the committed version", async () =>
    (await versionsOf()).find(({ id, state }) => !known.has(id) && state === "ready"),
  );
}

/** A request of the shape that the model asks for; its values do not matter. */
async function requestBody(): Promise<string> {
  const [input] = (await lane()).inputs;
  if (!input) throw new Error("nothing serves, so nobody knows what it takes");
  const shape = input.shape.map((n) => n ?? 1);
  const data = Array<number>(shape.reduce((size, n) => size * n, 1)).fill(0.5);
  return JSON.stringify({ inputs: [{ ...input, shape, data }] });
}

/** Waits for an outside client to be answered by a version. */
async function answeredBy(token: string, digest: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const infer = `${stage().gatewayUrl}/v2/models/${sample.model}/infer`;
  const body = await requestBody();
  await until(`${digest.slice(0, 12)} to answer`, async () => {
    const response = await fetch(infer, { method: "POST", headers, body });
    return response.ok && response.headers.get("x-lathe-digest") === digest;
  });
}

// Fails where what is left to do after an approval is known to the approving process or to the controller alone, and
// where rolling back goes through the controller.
test("the controller is killed after an approval, and stopped during a rollback: both come to serve", async () => {
  const approver = await makeApprover();
  const token = await inferenceToken();
  const child = await commitChild();
  const first = await servedVersion(approver);

  await approve(approver, child.id);
  const killed = kill(home, "controller");
  expect((await lane()).preparing?.versionId, "it was killed before its work was done").toBe(child.id);
  await answeredBy(token, child.digest);
  expect((await serving()).map(({ versionId }) => versionId)).toEqual([child.id]);

  const controller = await until("the controller to be back", async () => pidOf(home, "controller"));
  expect(controller).not.toBe(killed);
  process.kill(controller, "SIGSTOP");
  try {
    const { model, serving: from } = await lane();
    await approver.releases.rollBack.mutate({
      team,
      modelId: model.id,
      from: from?.id ?? "",
      key: randomUUID(),
    });
    await answeredBy(token, first?.digest ?? "");
  } finally {
    process.kill(controller, "SIGCONT");
  }
  expect((await serving()).map(({ versionId }) => versionId)).toEqual([first?.versionId]);
});

// --- the agent ---------------------------------------------------------------------------------------------------

const STEPS_WITHOUT_AGENT = 20;

// Fails where a run's processes hang on the agent, where its death is taken for theirs, and where a new agent can't
// take over what an earlier one started.
test("the agent is dead during a run: its steps go on, and the first attempt succeeds", async () => {
  const run = await train(0.5);
  const lossPoints = async () => {
    const series = await api.runs.series.query({ team, run });
    return series.find(({ name }) => name === "train/loss")?.points ?? 0;
  };
  const workers = (await detail(run)).attempts[0]?.workers;
  kill(home, "agent");
  const before = await lossPoints();
  const stepOn = async () => {
    // The supervisor starts it again: for as long as this lasts, it does not live long enough to do anything.
    if (pidOf(home, "agent")) kill(home, "agent");
    return (await lossPoints()) >= before + STEPS_WITHOUT_AGENT;
  };
  await until("steps without an agent", stepOn, LIMIT_MS);
  expect((await detail(run)).state, "the run was still at it").toBe("running");
  const hasEnded = async () => {
    const now = await detail(run);
    return ["succeeded", "failed", "stopped"].includes(now.state) && now;
  };
  const after = await until("the run to end", hasEnded, LIMIT_MS);
  expect(after.cause).toBeNull();
  expect(after.state).toBe("succeeded");
  expect(after.attempts).toHaveLength(1);
  expect(after.attempts[0]?.workers).toEqual(workers);
});

// --- the Ray head ------------------------------------------------------------------------------------------------

// Fails where a route goes on naming replicas that died with their cluster, where replicas or attempts of before are
// taken for lost for good, and where a page goes on showing a cluster that is gone.
test("the Ray head is killed: clients are told, the console says so, and serving and training come back", async () => {
  const token = await inferenceToken();
  const served = await servedVersion(await makeApprover());
  await answeredBy(token, served.digest);
  const run = await train(20);
  const load = startLoad({
    url: `${stage().gatewayUrl}/v2/models/${sample.model}/infer`,
    ...{ token, body: await requestBody() },
    ...{ perSecond: 20, maxRequests: 20 * 300, maxSeconds: 300 },
  });
  await load.until(({ status }) => status === 200);
  killRayHead(home);
  const killedAt = load.samples.length;
  const refused = await load.until(({ status }) => status === 503);
  expect(refused.digest, "the refusal names what can't answer").toBe(served.digest);
  await until("the console to say that the cluster is away", async () => {
    const health = await (await fetch(`${url}/api/health`)).json();
    return health.cluster !== "ready";
  });
  const since = load.samples.length;
  await load.until((sample) => sample.status === 200 && load.samples.indexOf(sample) >= since);
  const samples = await load.stop();
  for (const { status, digest, error } of samples.slice(killedAt)) {
    expect(error, "each is answered").toBeUndefined();
    expect([200, 503]).toContain(status);
    expect(digest).toBe(served.digest);
  }
  expect((await serving()).map(({ versionId }) => versionId)).toEqual([served.versionId]);

  const again = await until("the run to make steps again", async () => {
    const now = await detail(run);
    return now.attempts.length === 2 && now.state === "running" && now;
  });
  expect(again.attempts[0]?.state).toBe("failed");
  await api.runs.stop.mutate({ team, runId: again.id });
  await until("the run to stop", async () => (await detail(run)).state === "stopped");
});
