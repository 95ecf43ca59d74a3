/** Two versions of the sample brought to production, as two people would: what the gateway groups measure on. */
import { type Api, signInByApi, until } from "../e2e/fixtures/api";
import { APPROVER } from "../e2e/pages/entry";
import type { Bench } from "./project";

export interface Served {
  modelId: string;
  model: string;
  token: string;
  digests: { first: string; second: string };
  approver: Api;
}

/** Serves the sample's version, then a compressed child of it; both stay warm. What served before is left as it is. */
export async function serveTwo(bench: Bench): Promise<Served> {
  const { api, team, product, sample } = bench;
  const approver = await approverOf(bench);
  await promote(bench, approver, sample.versionId);
  const { model, versions } = await api.models.page.query({ team, model: sample.model });
  const child = versions.find((v) => v.parentId === sample.versionId) ?? (await commitChild(bench));
  await promote(bench, approver, child.id);
  const token = await api.identity.createToken.mutate({
    team,
    name: `bench-${Date.now()}`,
    scopes: ["inference"],
    expiresInDays: 1,
  });
  const first = versions.find((v) => v.id === sample.versionId);
  await until("the gateway serves the child", async () => {
    const response = await fetch(`${product.gatewayUrl}/v2/models/${sample.model}`, {
      headers: { authorization: `Bearer ${token.token}` },
    });
    return response.ok;
  });
  return {
    modelId: model.id,
    model: model.name,
    token: token.token,
    digests: { first: first?.digest ?? "", second: child.digest },
    approver,
  };
}

/** The approver, who joins when the first group needs one. */
async function approverOf({ api, team, product }: Bench): Promise<Api> {
  const members = await api.identity.members.query({ team });
  if (members.some(({ email }) => email === APPROVER.email))
    return (await signInByApi(product.url, APPROVER)).api;
  const invite = await api.identity.createInvite.mutate({ team, roles: ["approver"] });
  const token = new URL(invite.url).searchParams.get("token") ?? "";
  await api.identity.acceptInvite.mutate({ ...APPROVER, token });
  return (await signInByApi(product.url, APPROVER)).api;
}

async function commitChild({ api, team, sample }: Bench) {
  await api.studio.commit.mutate({
    team,
    versionId: sample.versionId,
    datasetId: sample.datasetId,
    settings: { channels: 0, sparsity: 0.3, precision: "int8" },
  });
  return until("the committed version", async () => {
    const { versions } = await api.models.page.query({ team, model: sample.model });
    return versions.find((v) => v.parentId === sample.versionId && v.state === "ready");
  });
}

async function promote({ api, team, sample }: Bench, approver: Api, versionId: string): Promise<void> {
  const { releases } = await api.releases.model.query({ team, model: sample.model });
  if (releases.some((release) => release.versionId === versionId)) return;
  const { number } = await api.releases.createRequest.mutate({
    team,
    versionId,
    datasetId: sample.datasetId,
    note: "Measured beside what serves; brought here to be benched.",
  });
  const { digests } = await until("the evidence", async () => {
    const page = await approver.releases.request.query({ team, number });
    return page.state === "open" && page;
  });
  const { versionDigest, evaluationDigest, policyDigest } = digests;
  await approver.releases.approve.mutate({
    team,
    number,
    versionDigest,
    evaluationDigest: evaluationDigest ?? "",
    policyDigest,
  });
  await until("it serves", async () => {
    const page = await api.releases.model.query({ team, model: sample.model });
    return page.serving?.versionId === versionId;
  });
}
