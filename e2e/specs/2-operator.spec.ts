/**
 * The operator's journeys: an incident from its alert to its cause to the fix, after which the alert ends by itself; a
 * pool that is edited with its preview and acts, with each step in the ledger; and a node that is drained under its work.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { sampleProject } from "../../bench/project";
import { signInByApi, until } from "../fixtures/api";
import { zip } from "../fixtures/python";
import { look, openContext, stage } from "../fixtures/stage";
import { ClusterPages } from "../pages/cluster";
import { ENGINEER, EntryPages } from "../pages/entry";
import { TrainingPages } from "../pages/training";

test.describe.configure({ mode: "serial" });

const TEAM = "retail-vision";
const POOL = "local-cpu";
/** An alert is over once what it tells of has been gone for a minute. */
const OVER = { timeout: 120_000 };
let folder = "";
let context: BrowserContext;
let operator: Page;
let failed = 0;
let title = "";

/** A store of data that a script reads over the network, and that is away at first. */
const data = { url: "", isUp: false };
const store = createServer((_, response) => {
  response.statusCode = data.isUp ? 200 : 503;
  response.end("a,b\n");
});
const reading = (url: string) => `
import urllib.request
open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
print(len(open("${url}/fold.csv").read()), flush=True)
`;

test.beforeAll(async ({ browser }) => {
  await new Promise<void>((resolve) => store.listen(0, "127.0.0.1", resolve));
  data.url = `http://127.0.0.1:${(store.address() as AddressInfo).port}`;
  folder = mkdtempSync(join(tmpdir(), "lathe-operator-"));
  context = await openContext(browser);
  operator = await context.newPage();
  const entry = new EntryPages(operator);
  const isThere = await signInByApi(stage().url, ENGINEER).then(
    () => true,
    () => false,
  );
  // The first account is an admin, who may all that an operator may.
  if (isThere) await entry.signIn(stage().url, ENGINEER);
  else await entry.makeFirstTeam(stage().link, ENGINEER, "Retail vision");
});
test.afterAll(async () => {
  store.close();
  rmSync(folder, { recursive: true, force: true });
  await context.close();
});

test("1 an alert leads to what happened around it and to the run, which is mended where it failed", async () => {
  const training = new TrainingPages(operator);
  const script = join(folder, "reads.py");
  writeFileSync(script, reading(data.url));
  failed = await training.launchScript(TEAM, zip(join(folder, "reads.zip"), [script]), "reads.py");
  await training.expectState("failed");

  await expect(operator.locator(".top a.needs")).toContainText("problem", { timeout: 30_000 });
  await operator.goto(`/${TEAM}/alerts`);
  const firing = operator.getByRole("table", { name: "Alerts that fire" });
  const row = firing.getByRole("row", { name: /fail/ }).first();
  await expect(row).toBeVisible({ timeout: 30_000 });
  await row.click();
  const sheet = operator.getByRole("dialog");
  title = (await sheet.locator("h3").first().textContent()) ?? "";
  await sheet.getByLabel("Note").fill("The data are away; their store is being started.");
  await sheet.getByRole("button", { name: "Take it" }).click();
  await expect(sheet.getByText(`${ENGINEER.name}: The data are away`)).toBeVisible();
  await look(operator, "incident");

  const happened = sheet.getByRole("link", { name: new RegExp(`run ${failed}\\b`, "i") }).first();
  await happened.click();
  await operator.waitForURL(new RegExp(`/training/${failed}$`));
  await expect(operator.getByText(/HTTP Error 503: Service Unavailable/).first()).toBeVisible();
  data.isUp = true;
  await operator.getByRole("button", { name: "More of this run" }).click();
  await operator.getByRole("menuitem", { name: "Rerun exactly" }).click();
  await expect(operator.locator(".head").getByText(`Run ${failed}`, { exact: true })).toHaveCount(0);
  await training.expectState("succeeded");
});

test("2 an edit of a pool says what it does and would have done, acts, and leaves its reasons in the ledger", async () => {
  const { api } = await signInByApi(stage().url, ENGINEER);
  await until("room for a node, and none on its way", async () => {
    const { nodes, pools, pending } = await api.cluster.overview.query({ team: TEAM });
    const max = pools.find(({ name }) => name === POOL)?.max ?? 0;
    return pending.length === 0 && nodes.filter(({ isHead }) => !isHead).length < max;
  });
  const cluster = new ClusterPages(operator, TEAM);
  await cluster.open();
  const before = await cluster.nodes();
  await cluster.edit(POOL, { "Nodes, at least": String(before + 1), "Idle timeout": "5" });
  await expect(operator.getByText(/node starts at once, to have the least of/)).toBeVisible();
  await expect(operator.getByText(/^Last week it would have .* instead of .* together\./)).toBeVisible();
  await look(operator, "pool-preview");
  await cluster.set();
  await expect(cluster.decision(/\+\d+ .*minimum/)).toBeVisible({ timeout: 60_000 });
  await cluster.edit(POOL, { "Nodes, at least": "0" });
  await operator.getByLabel("Nodes, at least").press("Enter");
  await expect(operator.getByRole("dialog")).toHaveCount(0);
  await expect(operator.getByRole("button", { name: `Edit ${POOL}` })).toBeFocused();
  await expect(cluster.decision(/−1.*idle.*had nothing to do for 5 s/)).toBeVisible({ timeout: 60_000 });
});

test("3 last week is replayed under other limits, and its limits are carried into the pool's dialog", async () => {
  const cluster = new ClusterPages(operator, TEAM);
  await cluster.open();
  await operator.getByRole("link", { name: "Replay last week…" }).click();
  const figures = operator.getByRole("table", { name: "Figures side by side" });
  await expect(figures.getByRole("row", { name: /^Node hours/ })).toBeVisible();
  // As many as may be: of minutes of history fewer would not show.
  await operator.getByLabel("Nodes, at least").fill("6");
  await expect(operator).toHaveURL(/limits=/);
  await expect(figures.getByRole("row", { name: /^Node hours .* h .* h .* h \+.* h/ })).toBeVisible();
  await look(operator, "replay");
  await operator.getByRole("link", { name: "Edit the pool…" }).click();
  await expect(operator.getByRole("dialog").getByLabel("Nodes, at least")).toHaveValue("6");
  await operator.getByRole("button", { name: "Cancel" }).click();
});

test("4 a node with work is drained: its training goes on elsewhere, the node leaves, the ledger says who and why", async () => {
  const { api } = await signInByApi(stage().url, ENGINEER);
  const { versionId, datasetId } = await sampleProject({ api, team: TEAM });
  const { number } = await api.training.launch.mutate({
    ...{ team: TEAM, versionId, datasetId, epochs: 50, mode: "fine_tune", workers: 1 },
    ...{ globalBatch: 256, lr: 0.003, seed: 0, checkpointEverySteps: 25 },
  });
  const work = `run ${number}, rank 0`;
  // The run itself goes on while it moves.
  const makesSteps = async (times: number) => {
    const { attempts } = await api.runs.get.query({ team: TEAM, number });
    return attempts.length === times && attempts.at(-1)?.state === "running";
  };
  await until(`run ${number} to make steps`, () => makesSteps(1));
  const cluster = new ClusterPages(operator, TEAM);
  await cluster.open();
  const node = cluster.nodeOf(work);
  const name = (await node.getByRole("button").first().textContent()) ?? "";
  await cluster.drain(node, work, /Leaves with a checkpoint and goes on elsewhere/, "its disk fails");

  await expect(node.getByRole("button", { name, exact: true })).toHaveCount(0);
  await expect(node.getByRole("button").first()).toBeVisible();
  const left = new RegExp(`−1 ${name} .*drained .*${name} was drained by ${ENGINEER.name}: its disk fails`);
  await expect(cluster.decision(left)).toBeVisible();
  await until(`run ${number} to make steps again`, () => makesSteps(2));
  const { id, attempts } = await api.runs.get.query({ team: TEAM, number });
  expect(attempts.map(({ state }) => state)).toEqual(["stopped", "running"]);
  await api.runs.stop.mutate({ team: TEAM, runId: id });
});

test("5 a budget that is spent lets nothing new begin, says who may raise it, and lets go once it is raised", async () => {
  const budget = async (amount: string) => {
    await operator.getByRole("button", { name: /^(Set|Edit)…$/ }).click();
    await operator.getByLabel("At most, a month").fill(amount);
    const cap = operator.getByRole("checkbox", { name: /^A hard cap/ });
    if (amount && !(await cap.isChecked())) await cap.click();
    await operator.getByRole("button", { name: "Set the budget" }).click();
    await expect(operator.getByRole("dialog")).toHaveCount(0);
  };
  await operator.goto(`/${TEAM}/cluster/cost`);
  await budget("0");
  await look(operator, "cost");
  await operator.goto(`/${TEAM}/training/new?source=script`);
  const held = operator.getByText(/^The budget of .* is spent: \$.* of \$0\.00/);
  await expect(held).toBeVisible();
  await expect(operator.getByText(ENGINEER.name).first()).toBeVisible();
  await operator.getByRole("link", { name: "Open the budget" }).click();
  await budget("");
  await operator.goto(`/${TEAM}/training/new?source=script`);
  await expect(operator.getByLabel("Workers")).toBeVisible();
  await expect(held).toHaveCount(0);
});

test("6 without a network the console says so at once and refuses what is pressed; what was typed stays", async () => {
  const cluster = new ClusterPages(operator, TEAM);
  await cluster.open();
  await cluster.edit(POOL, { "Idle timeout": "7" });
  await context.setOffline(true);
  await expect(operator.locator(".top .connection")).toContainText("Offline");
  await operator.getByRole("button", { name: "Set the pool" }).click();
  await expect(operator.getByText("The server can't be reached.")).toBeVisible();
  await context.setOffline(false);
  await expect(operator.getByLabel("Idle timeout")).toHaveValue("7");
  await cluster.set();
});

test("7 the alert ended by itself, with who took it", async () => {
  await operator.goto(`/${TEAM}/alerts`);
  const over = operator.getByRole("table", { name: "Alerts that are over" });
  const row = over.getByRole("row").filter({ hasText: title }).first();
  await expect(row).toContainText(ENGINEER.name, OVER);
});
