/** A canary on the sample model: asked for in the form, exact shares at the gateway, a press on, and the way back. */
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { type Sample, sampleProject } from "../../bench/project";
import { type Api, makeFirstTeamByApi, signInByApi, until } from "../fixtures/api";
import { look, openContext, stage } from "../fixtures/stage";
import { APPROVER, ENGINEER, EntryPages } from "../pages/entry";
import { ReleasePages } from "../pages/releases";

const team = "retail-vision";
const contexts: BrowserContext[] = [];
let engineer: Api;
let approver: Api;
let sample: Sample;
let token: string;
let body: string;

async function person(browser: Parameters<typeof openContext>[0], account: typeof ENGINEER): Promise<Page> {
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

/** A version that never served, and another that does. */
async function arrange(): Promise<{ id: string; number: number }> {
  const versions = async () => (await engineer.models.page.query({ team, model: sample.model })).versions;
  if (!(await lane()).serving) {
    const note = "The first version of the sample.";
    const { number } = await engineer.releases.createRequest.mutate({
      ...{ team, versionId: sample.versionId, note },
      datasetId: sample.datasetId,
    });
    await approve(number);
    await until("it to serve", async () => (await lane()).serving);
  }
  const known = new Set((await versions()).map(({ id }) => id));
  await engineer.studio.commit.mutate({
    ...{ team, versionId: sample.versionId, datasetId: sample.datasetId },
    settings: { channels: 0, sparsity: 0.05 + known.size / 100, precision: "fp32" },
  });
  return until("a version to promote", async () =>
    (await versions()).find(({ id, state }) => !known.has(id) && state === "ready"),
  );
}

/** Who answers a hundred requests, by version. */
async function answersOfHundred(): Promise<Record<string, number>> {
  const infer = `${stage().gatewayUrl}/v2/models/${sample.model}/infer`;
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const found: Record<string, number> = {};
  for (let i = 0; i < 100; i += 1) {
    const answer = await fetch(infer, { method: "POST", headers, body });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
    const version = answer.headers.get("x-lathe-version") ?? "";
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
});
test.afterAll(async () => {
  await Promise.all(contexts.map((context) => context.close()));
});

test("a canary goes by presses in exact shares, and one press takes it back", async ({ browser }) => {
  const child = await arrange();
  const { serving, inputs } = await lane();
  const [input] = inputs;
  if (!serving || !input) throw new Error("nothing serves");
  const shape = input.shape.map((n) => n ?? 1);
  const data = Array<number>(shape.reduce((size, n) => size * n, 1)).fill(0.5);
  body = JSON.stringify({ inputs: [{ ...input, shape, data }] });

  const asking = await person(browser, ENGINEER);
  await asking.goto(`/${team}/releases/request?version=${child.id}`);
  await asking
    .getByLabel("Why should it serve?")
    .fill("A twentieth of its weights are zero; see it on a share first.");
  await asking.getByRole("radio", { name: "Canary" }).click();
  await asking.getByLabel("Steps, percent of the requests").fill("10 50");
  await expect(asking.getByText("the last step is 100%")).toBeVisible();
  await asking.getByLabel("Steps, percent of the requests").fill("10 50 100");
  await asking.getByRole("button", { name: "Request production" }).click();
  await asking.waitForURL(/\/releases\/requests\/\d+$/);
  await expect(
    asking.getByText(/canary of 10%, 50%, 100%, 10 min each, each by a press/).first(),
  ).toBeVisible();
  await approve(Number(/\d+$/.exec(asking.url())?.[0]));

  const pressing = await person(browser, APPROVER);
  const releases = new ReleasePages(pressing, team);
  await releases.openModel(sample.model);
  const next = pressing.getByRole("button", { name: "Next step: 50%" });
  await expect(next).toBeVisible();
  const old = String(serving.version);
  const young = String(child.number);
  expect(await answersOfHundred()).toEqual({ [old]: 90, [young]: 10 });
  await next.press("Enter");
  await expect(pressing.getByRole("button", { name: "Next step: 100%" })).toBeVisible();
  expect(await answersOfHundred()).toEqual({ [old]: 50, [young]: 50 });
  await expect(pressing.getByRole("table", { name: "Versions side by side" }).getByRole("row")).toHaveCount(
    3,
  );
  await expect(pressing.getByRole("table", { name: "Who served" }).getByText(`v${young}`)).toBeVisible();
  await look(pressing, "release-canary");

  await releases.rollBack(serving.version);
  await expect(pressing.getByText(`rolled back to v${old} from v${young}`).first()).toBeVisible();
  expect(await answersOfHundred()).toEqual({ [old]: 100 });
});
