/** Training to its depth: an own script runs as it is and is tracked, and a slow rank is named with its log. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { signInByApi } from "../fixtures/api";
import { slowDown } from "../fixtures/processes";
import { zip } from "../fixtures/python";
import { look, openContext, stage } from "../fixtures/stage";
import { ENGINEER, EntryPages } from "../pages/entry";
import { ModelsPage } from "../pages/models";
import { TrainingPages } from "../pages/training";

test.describe.configure({ mode: "serial" });

const TEAM = "retail-vision";
let folder = "";
let context: BrowserContext;
let engineer: Page;
let training: TrainingPages;

test.beforeAll(async ({ browser }) => {
  folder = mkdtempSync(join(tmpdir(), "lathe-training-"));
  context = await openContext(browser);
  engineer = await context.newPage();
  training = new TrainingPages(engineer);
});
test.afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await context.close();
});

const isThere = () =>
  signInByApi(stage().url, ENGINEER).then(
    () => true,
    () => false,
  );

test("1 an engineer comes in", async () => {
  const entry = new EntryPages(engineer);
  if (await isThere()) await entry.signIn(stage().url, ENGINEER);
  else await entry.makeFirstTeam(stage().link, ENGINEER, "Retail vision");
});

test("2 a torchrun script runs unmodified on two workers, and what it logs lands in its run", async () => {
  const archive = zip(join(folder, "experiment.zip"), [resolve("examples/scripts/ddp.py")]);
  await engineer.goto(`/${TEAM}/training/new?source=script`);
  await engineer.getByLabel("Workers").fill("64");
  await expect(engineer.getByText("never fits")).toBeVisible();
  await look(engineer, "launch-script");
  await training.launchScript(TEAM, archive, "ddp.py --steps 120 --lr 0.02");
  await training.expectState("succeeded");
  const parameters = training.panel("Parameters");
  await expect(parameters.getByRole("row", { name: "steps 120" })).toBeVisible();
  await expect(parameters.getByRole("row", { name: "lr 0.02" })).toBeVisible();
  await expect(engineer.getByRole("region", { name: "train/loss" })).toBeVisible();
  for (const rank of [1, 2])
    await expect(training.panel("Workers").getByRole("row").nth(rank)).toContainText(/\d%.*[kMG]B.*B\/s/);
  await expect(engineer.getByRole("region", { name: /worker\// })).toHaveCount(0);
  const provenance = training.panel("Provenance");
  await expect(provenance.getByRole("row", { name: /Code experiment\.zip/ })).toBeVisible();
  await provenance.getByText(/^\d+ packages$/).click();
  await expect(provenance.getByText(/mlflow[-_]skinny 3\./)).toBeVisible();
  const logs = training.panel("Logs");
  await logs.getByPlaceholder("Search").fill("rank 1 of 2: step 120/120");
  await logs.getByRole("button", { name: /rank 1 of 2: step 120\/120 loss/ }).click();
  await expect(training.lineAt).toContainText("rank 1 of 2: step 120/120");
  await training.panel("Note and tags").getByLabel("Note").fill("First light");
  await training.panel("Note and tags").getByLabel("New tag").fill("stage=try");
  await training.panel("Note and tags").getByRole("button", { name: "Add tag" }).click();
  await expect(engineer.getByRole("list", { name: "Tags" }).getByText("stage")).toBeVisible();
  await engineer.reload();
  await expect(training.panel("Note and tags").getByLabel("Note")).toHaveValue("First light");
  await look(engineer, "run-script");
});

test("3 a script that fails says which rank, how, and where", async () => {
  const script = join(folder, "fails.py");
  writeFileSync(
    script,
    "import os\nif os.environ['RANK'] == '1':\n    raise ValueError('no such fold: 7')\n",
  );
  await training.launchScript(TEAM, zip(join(folder, "fails.zip"), [script]), "fails.py");
  await training.expectState("failed");
  await expect(
    engineer.getByText("Rank 1 ended with exit code 1: ValueError: no such fold: 7").first(),
  ).toBeVisible();
  await training.launchScript(TEAM, zip(join(folder, "other.zip"), [script]), "train.py");
  await training.expectState("failed");
  await expect(
    engineer.getByText(/The archive has no entry point 'train.py'. There is fails.py./).first(),
  ).toBeVisible();
});

test("4 runs stand side by side, what differs first", async () => {
  const archive = zip(join(folder, "experiment.zip"), [resolve("examples/scripts/ddp.py")]);
  await training.launchScript(TEAM, archive, "ddp.py --steps 120 --lr 0.1");
  await training.expectState("succeeded");
  await engineer.goto(`/${TEAM}/training`);
  const rows = engineer.getByRole("row", { name: /experiment\.zip: ddp\.py/ });
  await rows.nth(0).getByRole("checkbox").click();
  await rows.nth(1).getByRole("checkbox").click();
  await look(engineer, "training-chosen");
  await engineer.getByRole("link", { name: "Compare 2" }).click();
  await expect(engineer.getByRole("region", { name: "train/loss" })).toBeVisible();
  await expect(engineer.getByRole("row", { name: /^lr/ })).toContainText(/0\.02.*0\.1|0\.1.*0\.02/);
  await look(engineer, "training-compare");
});

test("5 the rank that holds the others up is named, and leads to its log", async () => {
  const models = new ModelsPage(engineer, TEAM);
  await models.openVersion("fashion-resnet", 1);
  await models.expectState("ready");
  await training.recover("4");
  await training.expectRunning();
  const faster = slowDown(await training.pidOf(1));
  try {
    await expect(engineer.getByText(/^Rank 1 is slow: /)).toBeVisible({ timeout: 120_000 });
    await look(engineer, "run-slow-rank");
    await engineer.getByRole("button", { name: "Open its log there" }).click();
    await expect(training.lineAt).toContainText("rank 1:");
  } finally {
    await faster();
  }
  await engineer
    .getByRole("region", { name: "Loss", exact: true })
    .locator(".u-over")
    .click({ position: { x: 8, y: 40 } });
  await expect(engineer.getByRole("combobox", { name: "Rank" })).toContainText("all ranks");
  await expect(training.lineAt).toBeVisible();
});

test("6 a run pauses with a checkpoint, goes on from it, and stops; what was stopped can be continued", async () => {
  await engineer.getByRole("button", { name: "Pause", exact: true }).click();
  await training.expectState("paused");
  await look(engineer, "run-paused");
  await engineer.getByRole("button", { name: "Resume", exact: true }).click();
  await training.expectRunning();
  await expect(engineer.getByText(/attempt 2 went on from the checkpoint of step [1-9]/)).toBeVisible();
  await training.stop();
  await training.expectState("stopped");
  await engineer.getByRole("button", { name: "Continue from checkpoint" }).click();
  await expect(engineer.locator(".head").getByText(/continues/)).toBeVisible();
  await training.expectRunning();
  await training.stop();
  await training.expectState("stopped");
});

test("7 a checkpoint of a stopped run becomes a version", async () => {
  await training
    .panel("Checkpoints")
    .getByRole("button", { name: /More of step/ })
    .first()
    .click();
  await engineer.getByRole("menuitem", { name: "Make a version" }).click();
  await expect(engineer.locator(".head").getByText(/, step \d+/)).toBeVisible();
  await training.expectState("succeeded");
  await engineer.getByRole("link", { name: /^Open fashion-resnet v\d+$/ }).click();
  await expect(engineer.getByText(/to step \d+ of 4 epochs/).first()).toBeVisible();
});
