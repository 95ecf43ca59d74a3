import { eq, sql } from "drizzle-orm";
import { beforeEach, describe, expect, it } from "vitest";
import { auditEntry } from "../../../db/schema/audit";
import type { TeamContext } from "../../platform/context";
import { testConsole } from "../../platform/testing/console";
import { makeTeam, queue } from "../testing";
import { deleteTag, NOTE, openArtifact, setTag, tracked } from "./service";
import { call, callArtifacts, ok, refusal } from "./testing";

const connection = testConsole({ LATHE_LOG_LEVEL: "error" });
let ctx: TeamContext;
let own: Awaited<ReturnType<typeof queue>>;

beforeEach(async () => {
  ctx = await makeTeam(connection.db);
  own = await queue(ctx);
});

const send = (path: string, body?: unknown, method?: string) => call(own.token, path, body, method);
const mine = (body: object) => ({ run_id: own.id, ...body });

describe("artifacts", () => {
  const at = (path: string) => `artifacts/${own.id}/artifacts/${path}`;
  const put = (path: string, body: string) => callArtifacts(own.token, "PUT", at(path), body);
  const get = (path: string) => callArtifacts(own.token, "GET", at(path));
  const list = async (path: string) =>
    (await ok(await callArtifacts(own.token, "GET", `artifacts?path=${encodeURIComponent(path)}`))).files;

  it("go up, come down, are listed folder by folder, replaced and deleted", async () => {
    await ok(await put("plots/a%20b.txt", "first"));
    await ok(await put("plots/deep/c.txt", "second"));
    await ok(await put("root.txt", "third"));
    await ok(await put("root.txt", "fourth"));
    expect(await (await get("root.txt")).text()).toBe("fourth");
    const file = await get("plots/a%20b.txt");
    expect(await file.text()).toBe("first");
    expect(file.headers.get("content-disposition")).toBe("attachment; filename*=UTF-8''a%20b.txt");
    expect(file.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await list(`${own.id}/artifacts`)).toEqual([
      { path: "plots", is_dir: true },
      { path: "root.txt", is_dir: false, file_size: 6 },
    ]);
    expect(await list(`${own.id}/artifacts/plots`)).toEqual([
      { path: "a b.txt", is_dir: false, file_size: 5 },
      { path: "deep", is_dir: true },
    ]);
    const listed = await ok(await send(`artifacts/list?run_id=${own.id}&path=plots`));
    expect(listed).toEqual({
      root_uri: `mlflow-artifacts:/${own.id}/artifacts`,
      files: [
        { path: "plots/a b.txt", is_dir: false, file_size: 5 },
        { path: "plots/deep", is_dir: true },
      ],
    });
    await ok(await callArtifacts(own.token, "DELETE", at("plots")));
    expect((await tracked(ctx, own.number)).artifacts.map((a) => a.path)).toEqual(["root.txt"]);
    expect((await refusal(await get("plots/a%20b.txt"))).slice(0, 2)).toEqual([
      404,
      "RESOURCE_DOES_NOT_EXIST",
    ]);
    expect((await callArtifacts(own.token, "DELETE", at("plots"))).status).toBe(404);
  });

  it.each([
    ["upwards", "..%2F..%2Fsecrets"],
    ["upwards in the middle", "a%2F..%2Fb"],
    ["from the root", "%2Fetc%2Fpasswd"],
    ["with a backslash", "a%5Cb"],
    ["with a NUL", "a%00b"],
    ["that is not UTF-8", "%ff"],
    ["without a name", ""],
    ["that is too long", "a".repeat(1001)],
    ["of too many bytes", encodeURIComponent("é".repeat(501))],
  ])("a path %s is refused", async (_, path) => {
    expect((await refusal(await put(path, "x"))).slice(0, 2)).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    expect((await tracked(ctx, own.number)).artifacts).toEqual([]);
  });

  it("a path is a file or a folder, never both", async () => {
    await ok(await put("a/b", "x"));
    expect((await put("a", "x")).status).toBe(400);
    expect((await put("a/b/c", "x")).status).toBe(400);
    await ok(await put("a/b2", "x"));
  });

  it("a client that would send parts is told to send it whole", async () => {
    const answer = await callArtifacts(own.token, "POST", `mpu/create/${own.id}/artifacts/big`, "{}");
    expect(await refusal(answer)).toEqual([
      501,
      "NOT_IMPLEMENTED",
      "Multipart upload is not supported for the current artifact repository",
    ]);
  });

  it("people of the team may save them, and nobody else", async () => {
    await ok(await put("page.html", "<script>alert(1)</script>"));
    const file = await openArtifact(ctx, own.number, "page.html");
    expect(await file.text()).toBe("<script>alert(1)</script>");
    expect(file.headers.get("content-type")).toBe("application/octet-stream");
    expect(file.headers.get("content-disposition")).toMatch(/^attachment/);
    const stranger = await makeTeam(connection.db);
    await expect(openArtifact(stranger, own.number, "page.html")).rejects.toMatchObject({
      kind: "not_found",
    });
    await expect(openArtifact(ctx, own.number, "../page.html")).rejects.toMatchObject({ kind: "invalid" });
  });
});

describe("logged models", () => {
  it("are made, filled, finished, found and deleted", async () => {
    const { model } = await ok(
      await send("logged-models", {
        experiment_id: own.id,
        name: "net",
        model_type: "pytorch",
        source_run_id: own.id,
        params: [{ key: "width", value: "8" }],
        tags: [{ key: "a", value: "1" }],
      }),
    );
    const id = model.info.model_id;
    expect(model).toEqual({
      info: {
        model_id: id,
        experiment_id: own.id,
        name: "net",
        creation_timestamp_ms: expect.any(Number),
        last_updated_timestamp_ms: expect.any(Number),
        artifact_uri: `mlflow-artifacts:/${own.id}/artifacts/models/${id}`,
        status: "LOGGED_MODEL_PENDING",
        model_type: "pytorch",
        source_run_id: own.id,
        tags: [{ key: "a", value: "1" }],
      },
      data: { params: [{ key: "width", value: "8" }] },
    });
    await ok(await send(`logged-models/${id}/params`, { params: [{ key: "depth", value: "2" }] }));
    await ok(await send(`logged-models/${id}/tags`, { tags: [{ key: "b c", value: "2" }] }, "PATCH"));
    await ok(await send(`logged-models/${id}/tags/b%20c`, {}, "DELETE"));
    await ok(
      await callArtifacts(own.token, "PUT", `artifacts/${own.id}/artifacts/models/${id}/MLmodel`, "flavors:"),
    );
    await ok(await send("runs/outputs", mine({ models: [{ model_id: id, step: 7 }] })));
    await ok(await send(`logged-models/${id}`, { status: "LOGGED_MODEL_READY" }, "PATCH"));
    expect((await ok(await send(`runs/get?run_id=${own.id}`))).run.outputs).toEqual({
      model_outputs: [{ model_id: id, step: 7 }],
    });
    expect((await ok(await send(`logged-models/${id}/artifacts/directories`))).files).toEqual([
      { path: "MLmodel", is_dir: false, file_size: 8 },
    ]);
    const found = async (filter: string) =>
      (await ok(await send("logged-models/search", { experiment_ids: [own.id], filter }))).models;
    expect(await found(`name = 'net' AND source_run_id = '${own.id}' AND params.depth = '2'`)).toHaveLength(
      1,
    );
    expect(await found("name = 'other'")).toEqual([]);
    expect((await tracked(ctx, own.number)).models).toMatchObject([
      { id, name: "net", modelType: "pytorch", status: "READY" },
    ]);
    await ok(await send(`logged-models/${id}`, {}, "DELETE"));
    expect(await tracked(ctx, own.number)).toMatchObject({ models: [], artifacts: [] });
  });

  it("are found page by page", async () => {
    for (let n = 0; n < 5; n++) await ok(await send("logged-models", { name: `net${n}` }));
    const names: string[] = [];
    for (let page_token = ""; ; ) {
      const page = await ok(await send("logged-models/search", { max_results: 2, page_token }));
      names.push(...page.models.map((model: { info: { name: string } }) => model.info.name));
      if (!page.next_page_token) break;
      page_token = page.next_page_token;
    }
    expect(names.sort()).toEqual(["net0", "net1", "net2", "net3", "net4"]);
  });

  it("of another run are not found", async () => {
    const other = await queue(ctx);
    const { model } = await ok(await call(other.token, "logged-models", { name: "net" }));
    const id = model.info.model_id;
    for (const answer of [
      await send(`logged-models/${id}`),
      await send(`logged-models/${id}`, { status: "LOGGED_MODEL_READY" }, "PATCH"),
      await send(`logged-models/${id}`, {}, "DELETE"),
      await send("runs/outputs", mine({ models: [{ model_id: id }] })),
    ]) {
      expect((await refusal(answer)).slice(0, 2)).toEqual([404, "RESOURCE_DOES_NOT_EXIST"]);
    }
    expect((await refusal(await send("logged-models", { name: "a/b" })))[0]).toBe(400);
  });
});

describe("people", () => {
  const audited = async () =>
    (
      await connection.db
        .select()
        .from(auditEntry)
        .where(eq(auditEntry.teamId, ctx.teamId))
        .orderBy(auditEntry.seq)
    ).map((e) => [e.action, e.summary, e.before, e.after]);

  it("set tags and the note of a run, each change written down once", async () => {
    const run = own.number;
    await setTag(ctx, { run, key: "owner", value: "ada" });
    await setTag(ctx, { run, key: "owner", value: "ada" });
    await setTag(ctx, { run, key: NOTE, value: "Too high a rate." });
    await deleteTag(ctx, { run, key: "owner" });
    await expect(deleteTag(ctx, { run, key: "owner" })).rejects.toMatchObject({ kind: "not_found" });
    expect((await tracked(ctx, run)).tags).toEqual([{ key: NOTE, value: "Too high a rate." }]);
    expect(await audited()).toEqual([
      ["run.tag_set", `Set the tag owner of run ${run} to ada`, null, { owner: "ada" }],
      ["run.tag_set", `Wrote the note of run ${run}`, null, { [NOTE]: "Too high a rate." }],
      ["run.tag_removed", `Removed the tag owner of run ${run}`, { owner: "ada" }, null],
    ]);
    const events = await connection.db.execute(
      sql`select 1 from event where key = ${own.id} and topic = 'runs'`,
    );
    expect(events.rows.length).toBeGreaterThanOrEqual(4);
  });

  it("of another team neither see nor change it", async () => {
    const stranger = await makeTeam(connection.db);
    await expect(tracked(stranger, own.number)).rejects.toMatchObject({ kind: "not_found" });
    await expect(setTag(stranger, { run: own.number, key: "a", value: "b" })).rejects.toMatchObject({
      kind: "not_found",
    });
  });
});
