/**
 * No code names the sample: hostile files are kept out, and a second model and dataset of other shapes, made here, go
 * the same way from upload to rollback.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { signInByApi, until } from "../fixtures/api";
import { actorPids } from "../fixtures/processes";
import { makeSecond } from "../fixtures/python";
import { look, openContext, stage } from "../fixtures/stage";
import { DatasetsPage } from "../pages/datasets";
import { APPROVER, ENGINEER, EntryPages } from "../pages/entry";
import { ModelsPage } from "../pages/models";
import { ReleasePages } from "../pages/releases";
import { SettingsPage } from "../pages/settings";
import { StudioPage } from "../pages/studio";
import { TrainingPages } from "../pages/training";

test.describe.configure({ mode: "serial" });

const TEAM = "retail-vision";
// Names of its own: the spec may run again on the same product.
const SUFFIX = Date.now().toString(36);
const MODEL = `signal-cls-${SUFFIX}`;
const DATASET = `signals-${SUFFIX}`;
let folder = "";
let contexts: BrowserContext[] = [];
let engineer: Page;
let approver: Page;
let token = "";
let second: ReturnType<typeof makeSecond>;
const made = { committed: 0, recovered: 0, merged: 0 };

test.beforeAll(async ({ browser }) => {
  folder = mkdtempSync(join(tmpdir(), "lathe-second-"));
  second = makeSecond(folder);
  const [first, other] = [await openContext(browser), await openContext(browser)];
  contexts = [first, other];
  [engineer, approver] = [await first.newPage(), await other.newPage()];
});
test.afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await Promise.all(contexts.map((context) => context.close()));
});

/** Whether the journey went before, and both people are there. */
const areThere = () =>
  signInByApi(stage().url, APPROVER).then(
    () => true,
    () => false,
  );

test("1 both people come in", async () => {
  const settings = new SettingsPage(engineer);
  if (await areThere()) {
    await new EntryPages(engineer).signIn(stage().url, ENGINEER);
    await new EntryPages(approver).signIn(stage().url, APPROVER);
    await settings.open(TEAM);
  } else {
    await new EntryPages(engineer).makeFirstTeam(stage().link, ENGINEER, "Retail vision");
    await settings.open(TEAM);
    await new EntryPages(approver).join(await settings.invite(["approver", "operator"]), APPROVER);
  }
  token = await settings.makeToken(`second-${SUFFIX}`);
});

test("2 hostile files are kept out by a rule, and nothing in them is executed", async () => {
  const models = new ModelsPage(engineer, TEAM);
  const rules = { pickle: "magic.pickle", truncated: "structure.truncated", zip: "magic.zip" } as const;
  for (const kind of ["pickle", "truncated", "zip"] as const) {
    await models.upload(second.hostile[kind], `${kind}-${SUFFIX}`);
    await models.expectState("refused");
    await expect(engineer.getByText(`Refused by rule “${rules[kind]}”.`)).toBeVisible();
    await expect(engineer.getByRole("link", { name: /Download|Open in studio/ })).toHaveCount(0);
  }
  await look(engineer, "version-refused");
  expect(existsSync(second.executed)).toBe(false);
});

test("3 a dataset is checked and becomes ready", async () => {
  const datasets = new DatasetsPage(engineer, TEAM);
  await datasets.upload(second.dataset, DATASET);
  await datasets.expectState("ready");
  await expect(engineer.getByText("2×20×12 float32").first()).toBeVisible();
  await look(engineer, "dataset-second");
});

test("4 a model of another shape can do everything", async () => {
  const models = new ModelsPage(engineer, TEAM);
  await models.upload(second.model, MODEL);
  await models.expectState("ready");
  await expect(engineer.getByText("tier 1: prune, fine-tune and quantize")).toBeVisible();
  const tried = await new DatasetsPage(engineer, TEAM).tryBatch(DATASET, `v1 of ${MODEL}`);
  await expect(tried.getByText(/^Accuracy \d+\.\d+%, 64 samples/)).toBeVisible();
  await look(engineer, "dataset-tried");
});

test("5 channels and sparsity are measured on its own dataset, and committed", async () => {
  const studio = new StudioPage(engineer);
  await studio.open(TEAM, MODEL, 1);
  await expect(engineer.locator(".head").getByText(DATASET)).toBeVisible();
  await studio.turnChannels(1);
  await studio.turnSparsity(30);
  const shown = await studio.waitForWholeSet();
  expect(shown).toBeGreaterThan(25);
  expect(second.accuracy).toBeGreaterThan(0.7);
  expect(second.accuracy).toBeLessThan(0.98);
  await studio.allocate("sensitivity");
  const locked = await studio.lockFirstLayer();
  await studio.waitForWholeSet();
  await expect(engineer.getByText("1 layer locked").first()).toBeVisible();
  await expect
    .poll(() => new URL(engineer.url()).searchParams.getAll("l"))
    .toEqual([expect.stringMatching(new RegExp(`^${locked.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}~0\\.`))]);
  await look(engineer, "studio-second");
  made.committed = await studio.commit("Fewer channels, and a third of what is left is zero.");
});

test("6 two workers recover it", async () => {
  await new ModelsPage(engineer, TEAM).openVersion(MODEL, made.committed);
  const training = new TrainingPages(engineer);
  await training.recover("2");
  made.recovered = await training.openResult();
  await new ModelsPage(engineer, TEAM).expectState("ready");
});

test("7 a target is met by a search; its steps, the front and a reload bring settings back", async () => {
  const studio = new StudioPage(engineer);
  await studio.open(TEAM, MODEL, 1);
  await studio.findWithin("3");
  await expect(studio.path.first()).toBeVisible();
  await engineer.getByRole("button", { name: "Cancel", exact: true }).click();
  await expect(engineer.getByText(/ended after \d+ steps?; the dials stay/)).toBeVisible();

  await studio.findWithin("3");
  await expect(engineer.getByText(/found in \d+ steps, measured on the whole test set/)).toBeVisible({
    timeout: 180_000,
  });
  await studio.waitForWholeSet();
  await expect.poll(() => studio.dials()).toMatch(/[?&]p=int8/);
  const found = studio.dials();
  await look(engineer, "studio-found");
  await studio.path.first().getByRole("button").click();
  await expect.poll(() => studio.dials()).not.toBe(found);
  await studio.pressLightest();
  await expect.poll(() => studio.dials()).toBe(found);

  await studio.turnSparsity(20);
  await expect.poll(() => studio.dials()).toMatch(/[?&]s=0\.2(&|$)/);
  const turned = studio.dials();
  await engineer.reload();
  await studio.waitForWholeSet();
  expect(studio.dials()).toBe(turned);
});

test("8 a session that is killed in the middle of a drag goes on where it was", async () => {
  const studio = new StudioPage(engineer);
  const before = new Set(actorPids());
  // Another version, so another session: what comes with it is its process.
  await studio.open(TEAM, MODEL, made.committed, "?s=0.1");
  await studio.waitForWholeSet();
  const [session, ...others] = actorPids().filter((pid) => !before.has(pid));
  expect(others).toEqual([]);
  const { x, y } = await studio.thumbOf("Sparsity");
  await engineer.mouse.move(x, y);
  await engineer.mouse.down();
  await engineer.mouse.move(x + 20, y, { steps: 4 });
  process.kill(session ?? Number.NaN, "SIGKILL");
  await engineer.mouse.move(x + 60, y, { steps: 8 });
  await engineer.mouse.up();
  await expect(engineer.getByText(/session is coming back/)).toBeVisible();
  await look(engineer, "studio-session-killed");
  await studio.waitForWholeSet();
  await expect.poll(() => Number(new URLSearchParams(studio.dials()).get("s"))).toBeGreaterThan(0.1);
  // What was measured before is still there, beside what came after.
  const history = engineer.getByRole("table", { name: "Measured settings" });
  await expect(history.getByText("sparsity 10%", { exact: true })).toBeVisible();
});

test("9 two versions of one ancestor become one", async () => {
  const studio = new StudioPage(engineer);
  await studio.open(TEAM, MODEL, made.recovered, "?s=0.6");
  await studio.waitForWholeSet();
  const sparse = await studio.commit("Most of the recovered one is zero.");
  await studio.open(TEAM, MODEL, made.recovered);
  await engineer.getByRole("combobox", { name: "Version to merge with" }).click();
  await expect(engineer.getByRole("option", { name: /with v1.*other shapes/ })).toBeDisabled();
  await engineer.keyboard.press("Escape");
  await studio.mergeWith(sparse);
  await expect(engineer.getByText(new RegExp(`v${sparse} alone: \\d+\\.\\d+%`))).toBeVisible();
  await studio.waitForWholeSet();
  await engineer.getByRole("slider", { name: `Weight of v${sparse}` }).press("ArrowLeft");
  await studio.waitForWholeSet();
  await look(engineer, "studio-merge");
  made.merged = await studio.commit("Both, nearer to the dense one.");
  expect(made.merged).toBeGreaterThan(sparse);
  await new ModelsPage(engineer, TEAM).expectState("ready");
  await expect(engineer.getByText(`soup, 45% of v${sparse}`).first()).toBeVisible();
  await look(engineer, "version-merged");
});

test("10 versions stand side by side, differences first", async () => {
  const table = await new ModelsPage(engineer, TEAM).compare(MODEL, [1, made.recovered, made.merged]);
  await expect(table.getByRole("columnheader", { name: "v1 baseline" })).toBeVisible();
  await expect(table.getByRole("row", { name: /^zstd-19/ })).toContainText("★");
  await table.getByRole("button", { name: `Make v${made.recovered} the baseline` }).click();
  await expect(table.getByRole("columnheader", { name: `v${made.recovered} baseline` })).toBeVisible();
  await look(engineer, "compare");
  // The address says all of it.
  await engineer.reload();
  await expect(table.getByRole("columnheader", { name: `v${made.recovered} baseline` })).toBeVisible();
  await table.getByRole("button", { name: "Leave v1 out" }).click();
  await expect(table.getByRole("columnheader", { name: /^v1\b/ })).toHaveCount(0);
});

test("11 two people promote both versions, and the way back works", async () => {
  await promote(1, "The first version of the signal classifier.");
  await promote(made.recovered, "Fewer channels, recovered by distillation.");
  const releases = new ReleasePages(approver, TEAM);
  await releases.openModel(MODEL);
  await releases.rollBack(1);
  await expectServed(1);
});

/** The engineer asks, the approver approves, and it serves. */
async function promote(number: number, note: string): Promise<void> {
  await new ModelsPage(engineer, TEAM).openVersion(MODEL, number);
  const asked = await new ReleasePages(engineer, TEAM).request(note);
  const releases = new ReleasePages(approver, TEAM);
  await releases.openRequest(asked);
  await releases.approve();
  await expectServed(number);
}

/** The gateway answers a row of the dataset from this version: four scores. */
async function expectServed(number: number): Promise<void> {
  const response = await until(`v${number} to serve`, async () => {
    const answer = await infer();
    return answer.headers.get("x-lathe-version") === String(number) && answer;
  });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ outputs: [{ name: "scores", shape: [1, 4] }] });
}

const infer = () =>
  fetch(`${stage().gatewayUrl}/v2/models/${MODEL}/infer`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(second.request),
  });
