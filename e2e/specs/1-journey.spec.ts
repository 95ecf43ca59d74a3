/**
 * The whole chain in a real Chromium against the product as `npm start` starts it: two people, one model from upload
 * to rollback. Each step goes on from what the one before it made.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { until } from "../fixtures/api";
import { startLoad } from "../fixtures/load";
import { recompute, sampleRequest } from "../fixtures/python";
import { look, looked, openContext, stage } from "../fixtures/stage";
import { APPROVER, ENGINEER, EntryPages } from "../pages/entry";
import { ModelsPage } from "../pages/models";
import { ReleasePages } from "../pages/releases";
import { SettingsPage } from "../pages/settings";
import { StudioPage } from "../pages/studio";
import { TrainingPages } from "../pages/training";

test.describe.configure({ mode: "serial" });
test.setTimeout(420_000);

const TEAM = "retail-vision";
const MODEL = "garment-cls";
let contexts: BrowserContext[] = [];
let engineer: Page;
let approver: Page;
let token = "";
const made = { committed: 0, recovered: 0 };

test.beforeAll(async ({ browser }) => {
  contexts = [await openContext(browser), await openContext(browser)];
  [engineer, approver] = (await Promise.all(
    [contexts[0]?.newPage(), contexts[1]?.newPage()].map((page) => page as Promise<Page>),
  )) as [Page, Page];
});
test.afterAll(async () => {
  console.log(`axe looked at ${looked()} pages`);
  await Promise.all(contexts.map((context) => context.close()));
});

const data = (name: string) => join(stage().home, "data/fashion-mnist", name);
const IMAGES = "t10k-images-idx3-ubyte.gz";
const LABELS = "t10k-labels-idx1-ubyte.gz";

test("1 the one-time link makes the first admin; a colleague joins by invite", async () => {
  await new EntryPages(engineer).makeFirstTeam(stage().link, ENGINEER, "Retail vision");
  const settings = new SettingsPage(engineer);
  await settings.open(TEAM);
  const invite = await settings.invite(["approver", "operator"]);
  token = await settings.makeToken("journey");
  await look(engineer, "settings");
  await new EntryPages(approver).join(invite, APPROVER);
  // The link is used up, and sign-up stays closed.
  const again = await contexts[1]?.newPage();
  await again?.goto(invite);
  await expect(again?.getByText(/was used/) as ReturnType<Page["getByText"]>).toBeVisible();
  await again?.close();
});

test("2 the sample project is there and becomes ready by itself", async () => {
  const models = new ModelsPage(engineer, TEAM);
  await models.openVersion("fashion-resnet", 1);
  await models.expectState("ready");
  await look(engineer, "version");
  await engineer.goto(`/${TEAM}/datasets`);
  await expect(engineer.getByText("ready").first()).toBeVisible({ timeout: 120_000 });
  await look(engineer, "datasets");
});

test("3 an upload is inspected live", async () => {
  const models = new ModelsPage(engineer, TEAM);
  await models.upload("examples/fashion-resnet/model.onnx", MODEL);
  await models.expectState("ready");
  await models.open();
  await expect(engineer.getByText(MODEL).first()).toBeVisible();
  await look(engineer, "models");
});

test("4 the studio measures what the dials ask for, and a commit keeps it", async () => {
  const studio = new StudioPage(engineer);
  await studio.open(TEAM, MODEL, 1);
  await studio.turnSparsity(50);
  await studio.waitForWholeSet();
  await studio.choosePrecision("int8");
  const shown = await studio.waitForWholeSet();
  await look(engineer, "studio");
  made.committed = await studio.commit("Half of the weights, in 8 bits.");

  // Measured means measured: the committed file, on the same samples, without any of our code.
  const download = engineer.waitForEvent("download");
  await engineer.getByRole("link", { name: "Download" }).click();
  const path = await (await download).path();
  const { n, correct } = recompute(path, data(IMAGES), data(LABELS));
  expect(n).toBe(10_000);
  expect(((100 * correct) / n).toFixed(2)).toBe(shown.toFixed(2));
});

test("5 training on two workers survives the death of one", async () => {
  const training = new TrainingPages(engineer);
  await new ModelsPage(engineer, TEAM).openVersion(MODEL, made.committed);
  await training.recover("0.25");
  await training.expectRunning();
  await expect(training.panel("Checkpoints").getByRole("row").nth(1)).toBeVisible({ timeout: 180_000 });
  const pid = await training.panel("Workers").getByRole("row").nth(2).getByRole("cell").last().textContent();
  process.kill(Number(pid), "SIGKILL");
  await expect(engineer.getByText(/Attempt 1 ended at step \d+; attempt 2 went on/)).toBeVisible({
    timeout: 60_000,
  });
  await look(engineer, "run");
  made.recovered = await training.openResult();
  await new ModelsPage(engineer, TEAM).expectState("ready");
  await look(engineer, "version-trained");
  await engineer.goto(`/${TEAM}/training`);
  await expect(engineer.getByText(/^Recover/).first()).toBeVisible();
  await look(engineer, "training");
});

test("6 the cluster shows why nodes came and went", async () => {
  await engineer.goto(`/${TEAM}/cluster`);
  await expect(engineer.getByRole("heading", { name: "Cluster" })).toBeVisible();
  await expect(engineer.getByText(/▲ \+\d/).first()).toBeVisible({ timeout: 60_000 });
  await expect(engineer.getByText(/no node had them free/).first()).toBeVisible();
  await expect(engineer.getByText(/had nothing to do for/).first()).toBeVisible({ timeout: 180_000 });
  await look(engineer, "cluster");
});

/** An engineer asks, someone else approves, and it serves. */
async function promote(number: number, note: string): Promise<void> {
  await new ModelsPage(engineer, TEAM).openVersion(MODEL, number);
  const asked = await new ReleasePages(engineer, TEAM).request(note);
  await new ReleasePages(engineer, TEAM).expectApproveRefused(/so you may not approve it/);
  const releases = new ReleasePages(approver, TEAM);
  await releases.openRequest(asked);
  await expect(approver.getByText(note)).toBeVisible();
  await expect(approver.getByRole("button", { name: "Approve…" })).toBeEnabled({ timeout: 180_000 });
  await look(approver, `request-${number}`);
  await releases.approve();
  await expectServed(number);
}

const inferUrl = () => `${stage().gatewayUrl}/v2/models/${MODEL}/infer`;
const infer = (body: unknown) =>
  fetch(inferUrl(), {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });

async function expectServed(number: number): Promise<void> {
  const { request } = sampleRequest(data(IMAGES), data(LABELS), 0);
  await until(
    `v${number} to serve`,
    async () => (await infer(request)).headers.get("x-lathe-version") === String(number),
  );
}

test("7 nobody approves their own; another person does, with the evidence beside it", async () => {
  await promote(1, "The first version of the garment classifier.");
  await promote(made.recovered, "Half the weights, 8 bits, recovered by distillation.");
});

test("8 a real picture gets the right label from the open API", async () => {
  let right = 0;
  for (const index of [0, 1, 2, 3, 4]) {
    const { label, request } = sampleRequest(data(IMAGES), data(LABELS), index);
    const response = await infer(request);
    expect(response.status).toBe(200);
    expect(response.headers.get("x-lathe-digest")).toMatch(/^[0-9a-f]{64}$/);
    const answer = (await response.json()) as { outputs: { data: number[] }[] };
    const scores = answer.outputs[0]?.data ?? [];
    if (scores.indexOf(Math.max(...scores)) === label) right += 1;
  }
  expect(right).toBeGreaterThanOrEqual(4);
  expect((await fetch(inferUrl(), { method: "POST", body: "{}" })).status).toBe(401);
});

test("9 one click rolls back while traffic flows, and nothing fails", async () => {
  const releases = new ReleasePages(approver, TEAM);
  await releases.openModel(MODEL);
  const { request } = sampleRequest(data(IMAGES), data(LABELS), 0);
  const load = startLoad({
    url: inferUrl(),
    token,
    body: JSON.stringify(request),
    perSecond: 60,
    maxRequests: 20_000,
    maxSeconds: 180,
  });
  await load.until((sample) => sample.version === String(made.recovered));
  await look(approver, "release");
  const confirmed = await releases.rollBack(1);
  const first = await load.until((sample) => sample.sentAt > confirmed && sample.version === "1");
  await releases.goForward(made.recovered);
  await load.until((sample) => sample.sentAt > first.sentAt && sample.version === String(made.recovered));
  const samples = await load.stop();
  expect(samples.filter((sample) => sample.status !== 200)).toEqual([]);
  expect(samples.length).toBeGreaterThan(100);
  console.log(
    `rollback: ${(first.answeredAt - confirmed).toFixed(0)} ms from the confirming press to the first answer of v1, ${samples.length} requests, 0 failed`,
  );
  await look(approver, "release-after");
  await approver.goto(`/${TEAM}/releases`);
  await look(approver, "releases");
});

test("10 everything is in the audit log, and its chain holds", async () => {
  await approver.goto(`/${TEAM}/audit`);
  for (const words of [/Rolled back/, /Approved/, /Launched run/, /Created team/]) {
    await expect(approver.getByText(words).first()).toBeVisible();
  }
  await look(approver, "audit");
  await approver.goto(`/${TEAM}/overview`);
  await expect(
    approver.getByRole("table", { name: "Models in production" }).getByText("healthy"),
  ).toBeVisible();
  await look(approver, "overview");
  await approver.getByRole("link", { name: "Alerts", exact: true }).click();
  await expect(approver.getByRole("heading", { name: "Alerts" })).toBeVisible();
  await look(approver, "alerts");
  // Nothing secret reached a log.
  for (const process_ of ["web", "controller", "gateway"]) {
    expect(readFileSync(join(stage().home, "logs", `${process_}.log`), "utf8")).not.toContain(token);
  }
});
