/** The API page against a real gateway: its document, its snippets as programs, and what its form sends. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import Ajv from "ajv/dist/2020";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Language, snippet } from "../../components/releases/snippets";
import { apiToken } from "../../db/schema/identity";
import { version } from "../../db/schema/models";
import { release } from "../../db/schema/releases";
import { type Gateway, startGateway } from "../gateway/gateway";
import { type FakeReplica, startReplica, testReplicaToken } from "../gateway/testing";
import { inspection } from "../models/testing/examples";
import { newId } from "../platform/ids";
import { testConsole } from "../platform/testing/console";
import { hashToken } from "../platform/tokens";
import { apiPage, openApiFile } from "./api-page";
import { askModel } from "./ask";
import { AskModel } from "./contract";
import { exampleRequest } from "./openapi";
import { publishRoute } from "./repo";
import { makeTeam, serve, type TestTeam } from "./testing";
import { zerosOf } from "./v2-contract";

const run = promisify(execFile);
const TOKEN = "lathe_of_a_program";
/** Names that a shell, a program and a JSON pointer would each trip over, and kinds of values that differ. */
const INPUTS = [
  { name: `it's "x"/$HOME\``, dtype: "float32", shape: [null, 2, 2] },
  { name: "ids:0", dtype: "int64", shape: [null, 3] },
  { name: "words", dtype: "object", shape: [1] },
  { name: "mask", dtype: "bool", shape: [1, 2] },
  { name: "half", dtype: "float16", shape: [2] },
];
const OUTPUTS = [{ name: "logits", dtype: "float32", shape: [null, 2] }];

const made = testConsole();
let t: TestTeam;
let replica: FakeReplica;
let gateway: Gateway;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lathe-api-"));
  gateway = await startGateway({
    databaseUrl: process.env.DATABASE_URL ?? "",
    folder,
    host: "127.0.0.1",
    port: 0,
    gatewayId: newId("gw"),
    serverKey: "k".repeat(64),
    replicaToken: testReplicaToken,
    maxBodyBytes: 64 << 20,
    answerMs: 30_000,
  });
  // Before anything reads the configuration.
  process.env.LATHE_GATEWAY_URL = gateway.url;
  t = await makeTeam(made.db, { versions: 2 });
  const [first] = t.versions;
  if (!first) throw new Error("there is no v1");
  await made.db.insert(apiToken).values({
    id: newId("tok"),
    teamId: t.ines.teamId,
    name: "a program",
    tokenHash: hashToken(TOKEN),
    hint: "gram",
    scopes: ["inference"],
    createdBy: t.ines.actor.id,
  });
  replica = await startReplica(first.digest);
  await serve(t, first.id, null);
  await made.db
    .update(version)
    .set({ inspection: { ...inspection, inputs: INPUTS, outputs: OUTPUTS } })
    .where(eq(version.id, first.id));
  const [serving] = await made.db.select().from(release).where(eq(release.versionId, first.id));
  await made.db.transaction((tx) =>
    publishRoute(
      tx,
      {
        teamId: t.ines.teamId,
        modelId: t.modelId,
        model: t.modelName,
        environment: "production",
        arms: [
          {
            version: first,
            releaseId: serving?.id ?? "",
            weight: 100,
            replicas: [{ id: replica.id, address: replica.address }],
          },
        ],
        shadow: null,
      },
      "test",
    ),
  );
  await vi.waitFor(async () => {
    const ready = await fetch(`${gateway.url}/v2/models/${t.modelName}/ready`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(ready.status).toBe(200);
  });
});
afterAll(async () => {
  await gateway.close();
  await replica.close();
  await rm(folder, { recursive: true });
});

/** What the page knows of what serves. */
async function known() {
  const { api, gatewayUrl, model } = await apiPage(t.ines, t.production);
  if (!api) throw new Error("nothing serves");
  const ajv = new Ajv({ strict: false });
  ajv.addSchema({ $id: "document", components: api.document.components });
  const is = (name: string, value: unknown) =>
    ajv.compile({ $ref: `document#/components/schemas/${name}` })(value) || ajv.errorsText();
  return { ...api, gatewayUrl, model, is };
}

test("the document's example is answered where it says, as it says", async () => {
  const { document, inputs, outputs } = await known();
  const [path] = Object.keys(document.paths);
  const post = document.paths[path ?? ""]?.post;
  const example = post?.requestBody?.content["application/json"]?.example;
  expect(example).toEqual(exampleRequest({ inputs, outputs }));
  const url = `${document.servers[0]?.url}${path}`;
  const body = JSON.stringify(example);
  const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body });
  expect(answer.status).toBe(200);
  expect(replica.json).toEqual(example);
  const ok = post?.responses[200];
  if (!ok || !("headers" in ok)) throw new Error("the document has no answer");
  const always = Object.keys(ok.headers ?? {}).filter((name) => name.startsWith("x-"));
  expect(always).toContain("x-lathe-digest");
  for (const name of always) expect(answer.headers.get(name), name).not.toBeNull();
});

test("the document's refusals are the gateway's own", async () => {
  const { document, gatewayUrl } = await known();
  const { responses } = document.components;
  const said = (status: number) => responses[status]?.content["application/json"]?.example;
  const ask = (path: string, token = TOKEN) =>
    fetch(`${gatewayUrl}${path}`, { headers: { authorization: `Bearer ${token}` } });
  const stranger = await ask(`/v2/models/${t.modelName}`, "lathe_nobody");
  expect([stranger.status, await stranger.json()]).toEqual([401, said(401)]);
  expect(stranger.headers.get("www-authenticate")).toBe("Bearer");
  const gone = await ask(`/v2/models/${t.modelName}/versions/2`);
  expect([gone.status, await gone.json()]).toEqual([404, said(404)]);
});

/** Runs a snippet just as it would be pasted. */
const PASTE: Record<Language, (text: string) => readonly [string, string[]]> = {
  curl: (text) => ["bash", ["-c", text]],
  python: (text) => [pythonOf(), ["-c", text]],
  typescript: (text) => ["node", ["--input-type=module", "-e", text]],
  triton: (text) => [pythonOf(), ["-c", text]],
};
const pythonOf = () => join(process.env.LATHE_VENV ?? ".lathe/venv", "bin", "python");

test.each([
  ["curl", "InferRequest"],
  ["python", "InferRequest"],
  ["typescript", "InferRequest"],
  ["triton", "BinaryInferRequest"],
] as const)("the snippet in %s works as it is pasted", async (language, schema) => {
  const { gatewayUrl, model, inputs, is } = await known();
  replica.json = null;
  const text = snippet(language, { gatewayUrl, model: model.name, inputs });
  const [program, args] = PASTE[language](text);
  const { stdout } = await run(program, args, { env: { ...process.env, LATHE_TOKEN: TOKEN } });
  expect(stdout).toMatch(/version:? 1/);
  expect(stdout).toContain("logits");
  expect(is(schema, replica.json)).toBe(true);
});

test("a request of a large picture is computed, not written out", async () => {
  const { gatewayUrl, model } = await known();
  const inputs = [{ name: "it's", datatype: "FP32", shape: [null, 3, 32, 32] } as const];
  const text = snippet("curl", { gatewayUrl, model: model.name, inputs });
  expect(text.length).toBeLessThan(600);
  await run("bash", ["-c", text], { env: { ...process.env, LATHE_TOKEN: TOKEN } });
  expect(replica.json).toEqual({ inputs: inputs.map((tensor) => zerosOf(tensor, [1, 3, 32, 32])) });
});

test("the form asks through the gateway and shows what came, refusals included", async () => {
  const { inputs } = await known();
  const given = inputs.map((tensor) =>
    zerosOf(
      tensor,
      tensor.shape.map((n) => n ?? 1),
    ),
  );
  const answer = await askModel(t.ines, { ...t.production, inputs: given });
  expect(replica.json).toEqual({ inputs: given });
  expect(answer).toMatchObject({ status: 200, version: "1", digest: t.versions[0]?.digest, error: null });
  expect(answer.outputs).toMatchObject([
    { name: "logits", values: [0, 1], total: 2, largest: [{ index: 1, value: 1 }] },
  ]);
  const other = await askModel(t.ines, { model: "no-such-model", environment: "production", inputs: given });
  expect(other).toMatchObject({ status: 404, outputs: null });
  expect(other.error).toBe("No model no-such-model serves in production.");
});

test("no other address and no larger request can be asked for", () => {
  const input = { name: "x", datatype: "FP32", shape: [1], data: [1] };
  const isTaken = (value: object) =>
    AskModel.safeParse({ model: "garment-cls", inputs: [input], ...value }).success;
  expect(isTaken({})).toBe(true);
  expect(isTaken({ model: "../health" })).toBe(false);
  expect(isTaken({ model: "x/../../y" })).toBe(false);
  expect(isTaken({ inputs: [{ ...input, data: Array(200_001).fill(0) }] })).toBe(false);
});

test("without anything in production there is no document, and the page says so", async () => {
  const other = await makeTeam(made.db, { versions: 1 });
  const page = await apiPage(other.ines, other.production);
  expect(page).toMatchObject({ serving: null, api: null });
  await expect(openApiFile(other.ines, other.production)).rejects.toThrow(/Nothing of garment-cls/);
  const file = JSON.parse(await openApiFile(t.ines, t.production));
  expect(file.info.title).toBe("garment-cls in production");
});
