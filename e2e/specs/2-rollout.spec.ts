/**
 * Three people and a rollout of the sample model. The engineer asks for a canary and for a shadow; the approver decides
 * on a phone once a gate that failed is mended; the operator takes a canary back, sees a rule end a shadow, and keeps
 * the evidence of who served.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { type Browser, type BrowserContext, expect, type Page, test } from "@playwright/test";
import { type Sample, sampleProject } from "../../bench/project";
import { type Api, makeFirstTeamByApi, signInByApi, until } from "../fixtures/api";
import { look, openContext, stage } from "../fixtures/stage";
import { APPROVER, ENGINEER, EntryPages } from "../pages/entry";
import { ReleasePages } from "../pages/releases";

test.describe.configure({ mode: "serial" });

const team = "retail-vision";
const PHONE = { width: 390, height: 844 };
const contexts: BrowserContext[] = [];
let engineer: Api;
let approver: Api;
let sample: Sample;
let token: string;
let body: string;
let young: { id: string; number: number };

async function person(browser: Browser, account: typeof ENGINEER): Promise<Page> {
  const context = await openContext(browser);
  contexts.push(context);
  const page = await context.newPage();
  await new EntryPages(page).signIn(stage().url, account);
  return page;
}

/** The approver that the journey made, or one that this spec invites. */
async function approverApi(url: string): Promise<Api> {
  const there = await signInByApi(url, APPROVER).catch(() => null);
  if (there) return there.api;
  const invite = await engineer.identity.createInvite.mutate({ team, roles: ["approver", "operator"] });
  const welcome = new URL(invite.url).searchParams.get("token") ?? "";
  await engineer.identity.acceptInvite.mutate({ ...APPROVER, token: welcome });
  return (await signInByApi(url, APPROVER)).api;
}

const lane = () => engineer.releases.model.query({ team, model: sample.model });

async function approve(number: number): Promise<void> {
  const { digests } = await until("the evidence", async () => {
    const page = await approver.releases.request.query({ team, number });
    return page.state === "open" && page;
  });
  const { versionDigest, evaluationDigest, policyDigest } = digests;
  await approver.releases.approve.mutate({
    ...{ team, number, versionDigest, policyDigest },
    evaluationDigest: evaluationDigest ?? "",
  });
}

/** A version that serves, and one that never did: nearly all of its weights are zero, so it answers badly. */
async function arrange(): Promise<void> {
  const made = compressed(0.95);
  if (!(await lane()).serving) {
    const { number } = await engineer.releases.createRequest.mutate({
      ...{ team, versionId: sample.versionId, datasetId: sample.datasetId },
      note: "The first version of the sample.",
    });
    await approve(number);
    await until("it to serve", async () => (await lane()).serving);
  }
  young = await made;
}

/** A child of the sample's version with this share of its weights zero. */
async function compressed(sparsity: number): Promise<{ id: string; number: number }> {
  const versions = async () => (await engineer.models.page.query({ team, model: sample.model })).versions;
  const known = new Set((await versions()).map(({ id }) => id));
  await engineer.studio.commit.mutate({
    ...{ team, versionId: sample.versionId, datasetId: sample.datasetId },
    settings: { channels: 0, sparsity, precision: "fp32" },
  });
  return until("a version to promote", async () =>
    (await versions()).find(({ id, state }) => !known.has(id) && state === "ready"),
  );
}

/** Requests of real pictures, one each, for as long as `isEnough` says no. */
async function askUntil(isEnough: () => Promise<boolean>): Promise<void> {
  const images = gunzipSync(
    readFileSync(join(stage().home, "data", "fashion-mnist", "t10k-images-idx3-ubyte.gz")),
  );
  const [input] = (await lane()).inputs;
  if (!input) throw new Error("what serves takes nothing");
  const shape = input.shape.map((n) => n ?? 1);
  const size = shape.reduce((product, n) => product * n, 1);
  await until("enough requests", async () => {
    for (let i = 0; i < 40; i += 1) {
      const picture = images.subarray(16 + i * size, 16 + (i + 1) * size);
      const data = Array.from(picture, (pixel) => pixel / 85 - 1);
      await infer(JSON.stringify({ inputs: [{ ...input, shape, data }] }));
    }
    return isEnough();
  });
}

async function infer(request: string, model = sample.model): Promise<Response> {
  const answer = await fetch(`${stage().gatewayUrl}/v2/models/${model}/infer`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: request,
  });
  expect(answer.status).toBe(200);
  await answer.arrayBuffer();
  return answer;
}

/** Who answers a hundred requests, by version. */
async function answersOfHundred(): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (let i = 0; i < 100; i += 1) {
    const version = (await infer(body)).headers.get("x-lathe-version") ?? "";
    found[version] = (found[version] ?? 0) + 1;
  }
  return found;
}

test.beforeAll(async () => {
  const { url, link } = stage();
  const { needsFirstAdmin } = await (await fetch(`${url}/api/health`)).json();
  if (needsFirstAdmin) await makeFirstTeamByApi(url, link, ENGINEER, "Retail vision");
  engineer = (await signInByApi(url, ENGINEER)).api;
  approver = await approverApi(url);
  sample = await sampleProject({ api: engineer, team });
  const made = await engineer.identity.createToken.mutate({
    ...{ team, name: `rollout-${Date.now()}`, expiresInDays: 1 },
    scopes: ["inference"],
  });
  token = made.token;
  await arrange();
});
test.afterAll(async () => {
  await Promise.all(contexts.map((context) => context.close()));
});

/** Whether a thumb hits what is pressed, and nothing lies beyond the screen. */
async function expectMadeForThumbs(page: Page): Promise<void> {
  const found = await page.evaluate(() => ({
    width: document.documentElement.scrollWidth,
    low: [...document.querySelectorAll(".top button, .top a, button.digest, .decide .btn")]
      .map((target) => ({ name: target.textContent, height: target.getBoundingClientRect().height }))
      .filter(({ height }) => height > 0 && height < 44),
  }));
  expect(found).toEqual({ width: PHONE.width, low: [] });
}

/** The engineer asks for it in the form, with what is filled in there; answers the request's number. */
async function ask(browser: Browser, note: string, fill: (page: Page) => Promise<void>): Promise<number> {
  const page = await person(browser, ENGINEER);
  await page.goto(`/${team}/releases/request?version=${young.id}`);
  await page.getByLabel("Why should it serve?").fill(note);
  await fill(page);
  await page.getByRole("button", { name: "Request production" }).click();
  await page.waitForURL(/\/releases\/requests\/\d+$/);
  return Number(/\d+$/.exec(page.url())?.[0]);
}

/** The model's own policy, as an admin saves it; null takes it away again. */
async function savePolicy(worseBy: number | null): Promise<void> {
  const { model } = await lane();
  const scope = { team, environment: "production" as const, modelId: model.id };
  const { policy, revision } = await engineer.releases.policies.page.query(scope);
  const metrics = policy.rules.metrics.map((rule) => ({ ...rule, worseBy: worseBy ?? 0 }));
  const rules = worseBy === null ? null : { ...policy.rules, metrics };
  await engineer.releases.policies.save.mutate({ ...scope, basedOn: revision, rules });
}

test("a canary is asked for, and agreed to on a phone once the gate that failed is mended", async ({
  browser,
}) => {
  const number = await ask(browser, "See on a share how far its answers are off.", async (page) => {
    await page.getByRole("radio", { name: "Canary" }).click();
    await page.getByLabel("Steps, percent of the requests").fill("10 50");
    await expect(page.getByText("the last step is 100%")).toBeVisible();
    await page.getByLabel("Steps, percent of the requests").fill("10 50 100");
  });
  const phone = await person(browser, APPROVER);
  await phone.setViewportSize(PHONE);
  const releases = new ReleasePages(phone, team);
  await releases.openRequest(number);
  await expect(
    phone.getByText(/canary of 10%, 50%, 100%, 10 min each, each by a press/).first(),
  ).toBeVisible();
  await releases.expectApproveRefused(/Accuracy, lower bound ≥ −1\.0 pt: The candidate may be up to/);
  await expectMadeForThumbs(phone);
  // The page is judged again by itself.
  await savePolicy(1);
  await releases.approve();
  await expectMadeForThumbs(phone);
});

test("a canary goes by presses in exact shares, and one press takes it back", async ({ browser }) => {
  const { serving, inputs } = await lane();
  const [input] = inputs;
  if (!serving || !input) throw new Error("nothing serves");
  const shape = input.shape.map((n) => n ?? 1);
  const data = Array<number>(shape.reduce((size, n) => size * n, 1)).fill(0.5);
  body = JSON.stringify({ inputs: [{ ...input, shape, data }] });
  const pressing = await person(browser, APPROVER);
  const releases = new ReleasePages(pressing, team);
  await releases.openModel(sample.model);
  const next = pressing.getByRole("button", { name: "Next step: 50%" });
  await expect(next).toBeVisible();
  const [before, after] = [String(serving.version), String(young.number)];
  expect(await answersOfHundred()).toEqual({ [before]: 90, [after]: 10 });
  await next.press("Enter");
  await expect(pressing.getByRole("button", { name: "Next step: 100%" })).toBeVisible();
  expect(await answersOfHundred()).toEqual({ [before]: 50, [after]: 50 });
  await expect(pressing.getByRole("table", { name: "Versions side by side" }).getByRole("row")).toHaveCount(
    3,
  );
  await expect(pressing.getByRole("table", { name: "Who served" }).getByText(`v${after}`)).toBeVisible();
  await look(pressing, "release-canary");

  await releases.rollBack(serving.version);
  await expect(pressing.getByText(`rolled back to v${before} from v${after}`).first()).toBeVisible();
  expect(await answersOfHundred()).toEqual({ [before]: 100 });
});

test("a rule takes a shadow away by itself, and who served when can be shown to others", async ({
  browser,
}) => {
  const number = await ask(browser, "How far are its answers off on real requests?", async (page) => {
    await page.getByRole("radio", { name: "Shadow" }).click();
    await page.getByLabel("Requests mirrored").fill("100");
  });
  await approve(number);
  await savePolicy(null);
  const page = await person(browser, APPROVER);
  await new ReleasePages(page, team).openModel(sample.model);
  await expect(page.getByText(/100% mirrored/).first()).toBeVisible();
  const during = await until("the shadow", async () => {
    const now = new Date();
    const { arms } = await approver.releases.servedAt.query({ team, model: sample.model, at: now });
    return arms.some(({ isShadow }) => isShadow) && now;
  });
  const rollout = () => approver.releases.rollout.query({ team, model: sample.model });
  await askUntil(async () => (await rollout())?.fired != null);

  // Told once, the rule first.
  const told = page.getByText(
    new RegExp(`Same answer in < 95%.*v${young.number} was taken away from traffic`),
  );
  await expect(told).toHaveCount(1);
  await expect(page.locator(".call.bad")).toHaveCount(1);
  await look(page, "release-fired");

  await page.goto(`/${team}/releases/${sample.model}?at=${during.toISOString()}`);
  const served = page.getByRole("table", { name: "Who served" });
  const asShadow = served.getByRole("row", { name: new RegExp(`v${young.number}\\b.*shadow`) });
  await expect(asShadow).toBeVisible();
  const taken = page.waitForEvent("download");
  await page.getByRole("link", { name: "JSON" }).click();
  const file = await (await taken).path();
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({
    arms: [{ weight: 100 }, { version: young.number, isShadow: true, approvedBy: [APPROVER.name] }],
  });
  const moment = page.getByRole("slider", { name: "Moment" });
  await moment.press("Home");
  await expect(page.getByText("Nobody served then")).toBeVisible();
  await moment.press("End");
  await expect(served.getByRole("row", { name: /100%/ })).toBeVisible();
  await expect(asShadow).toHaveCount(0);
});

test("a version goes to staging by one press, is asked there, and is promoted from there", async ({
  browser,
}) => {
  const { model, serving } = await lane();
  // It answers badly: staging bears that here, production does not.
  const scope = { team, environment: "staging" as const, modelId: model.id };
  const { policy, revision } = await engineer.releases.policies.page.query(scope);
  const rules = { ...policy.rules, metrics: [] };
  if (policy.rules.metrics.length > 0)
    await engineer.releases.policies.save.mutate({ ...scope, basedOn: revision, rules });
  const page = await person(browser, ENGINEER);
  await page.goto(`/${team}/models/${sample.model}/v/${young.number}`);
  await page.getByRole("button", { name: "Release to staging", exact: true }).click();
  await page.waitForURL(/\/releases\/requests\/\d+$/);
  // It is measured first.
  await page.getByRole("link", { name: "See it in staging" }).click({ timeout: 120_000 });
  await expect(page.getByText(`v${young.number} serves`, { exact: true })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByRole("region", { name: "Roll back staging" })).toBeVisible();

  const staged = await infer(body, `${sample.model}@staging`);
  expect([staged.headers.get("x-lathe-version"), staged.headers.get("x-lathe-environment")]).toEqual([
    String(young.number),
    "staging",
  ]);
  expect((await infer(body)).headers.get("x-lathe-version")).toBe(String(serving?.version));
  await look(page, "staging");

  await page.getByRole("link", { name: `Promote v${young.number} to production…` }).click();
  await page.getByLabel("Why should it serve?").fill("It did what it should in staging.");
  await page.getByRole("button", { name: "Request production" }).click();
  await page.waitForURL(/\/releases\/requests\/\d+$/);
  await expect(page.getByText(/serves staging since/)).toBeVisible();
  await engineer.releases.withdraw.mutate({ team, number: Number(/\d+$/.exec(page.url())?.[0]) });
});
