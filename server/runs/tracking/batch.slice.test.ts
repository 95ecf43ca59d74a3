import { sql } from "drizzle-orm";
import { beforeEach, describe, expect, it } from "vitest";
import type { TeamContext } from "../../platform/context";
import { testConsole } from "../../platform/testing/console";
import { makeTeam, queue } from "../testing";
import { tracked } from "./service";
import { call, ok, refusal } from "./testing";

const connection = testConsole({ LATHE_LOG_LEVEL: "error" });
let ctx: TeamContext;
let own: Awaited<ReturnType<typeof queue>>;

beforeEach(async () => {
  ctx = await makeTeam(connection.db);
  own = await queue(ctx);
});

const send = (path: string, body?: unknown, method?: string) => call(own.token, path, body, method);
const mine = (body: object) => ({ run_id: own.id, ...body });
const runOf = async () => (await ok(await send(`runs/get?run_id=${own.id}`))).run;
const metric = (key: string, value: unknown, step: unknown = 0, timestamp: unknown = 1_700_000_000_000) => ({
  key,
  value,
  step,
  timestamp,
});
describe("a batch", () => {
  const many = (n: number) => Array.from({ length: n }, (_, i) => ({ key: `k${i}`, value: "v" }));
  const good = { metrics: [metric("good", 1)], params: [{ key: "good", value: "1" }] };

  it.each([
    [
      "1001 metrics",
      { metrics: Array.from({ length: 1001 }, (_, i) => metric("m", i)) },
      /at most 1000 metrics/,
    ],
    ["101 params", { params: many(100) }, /at most 100 params. Got 101 params/],
    ["101 tags", { tags: many(101) }, /at most 100 tags/],
    [
      "1001 of all",
      { metrics: Array.from({ length: 950 }, (_, i) => metric("m", i)), params: many(51) },
      /at most 1000 metrics, params, and tags/,
    ],
    [
      "a param twice",
      { params: [...many(2), { key: "k1", value: "w" }] },
      /Duplicate parameter keys .*\['k1'\]/,
    ],
    ["a bad metric name", { metrics: [metric("a\nb", 1)] }, /Invalid metric name: 'a\nb'. Names may only/],
    ["a name that is a path upwards", { tags: [{ key: "../a", value: "" }] }, /Invalid tag name: '..\/a'/],
    ["a long name", { params: [{ key: "k".repeat(251), value: "" }] }, /exceeded length limit of 250/],
    ["a negative step", { metrics: [metric("m", 1, -1)] }, /Steps are counted from 0/],
    [
      "a step that is no integer",
      { metrics: [metric("m", 1, 1.5)] },
      /Invalid value 1.5 for parameter 'metrics.1.step'/,
    ],
    ["a negative time", { metrics: [metric("m", 1, 0, -5)] }, /Timestamp must be a nonnegative long/],
    [
      "no value",
      { metrics: [{ key: "m", timestamp: 1 }] },
      /Missing value for required parameter 'metrics.1.value'/,
    ],
    [
      "a value that is a word",
      { metrics: [metric("m", "high")] },
      /Invalid value "high" for parameter 'metrics.1.value'/,
    ],
    ["a NUL", { params: [{ key: "a", value: "x\0y" }] }, /NUL/],
  ])("with %s is refused whole", async (_, bad: Record<string, unknown[] | undefined>, message) => {
    const body = {
      metrics: [...good.metrics, ...(bad.metrics ?? [])],
      params: [...good.params, ...(bad.params ?? [])],
      tags: bad.tags ?? [],
    };
    const [status, code, said] = await refusal(await send("runs/log-batch", mine(body)));
    expect([status, code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    expect(said).toMatch(message);
    expect((await runOf()).data).toEqual({ metrics: [], params: [], tags: [] });
  });

  it("with a number that overflows a double is refused whole", async () => {
    const body = `{"run_id":"${own.id}","metrics":[{"key":"a","value":1,"timestamp":1},{"key":"b","value":1e400,"timestamp":1}]}`;
    expect(await refusal(await send("runs/log-batch", body))).toEqual([
      400,
      "INVALID_PARAMETER_VALUE",
      expect.stringMatching(/Invalid value Infinity for parameter 'metrics.1.value'/),
    ]);
    expect((await runOf()).data.metrics).toEqual([]);
  });

  it("that changes a param keeps nothing, its tags and metrics included", async () => {
    await ok(await send("runs/log-batch", mine({ params: [{ key: "lr", value: "0.1" }] })));
    const changing = mine({
      ...good,
      params: [
        { key: "lr", value: "0.2" },
        { key: "new", value: "1" },
      ],
      tags: [{ key: "t", value: "1" }],
    });
    const [status, , said] = await refusal(await send("runs/log-batch", changing));
    expect(status).toBe(400);
    expect(said).toBe(
      "Changing param values is not allowed. Param with key='lr' was already logged with value='0.1' " +
        `for run ID='${own.id}'. Attempted logging new value '0.2'.`,
    );
    expect((await runOf()).data).toEqual({ metrics: [], params: [{ key: "lr", value: "0.1" }], tags: [] });
  });

  it.each([
    ["not JSON", "{", "The body is not JSON."],
    ["a list", "[]", "The body must be a JSON object."],
    ["without a run", "{}", expect.stringMatching(/^Missing value for required parameter 'run_id'\./)],
  ])("that is %s is refused", async (_, body, message) => {
    expect(await refusal(await send("runs/log-batch", body))).toEqual([
      400,
      "INVALID_PARAMETER_VALUE",
      message,
    ]);
  });

  it("ignores what it does not know, and null is unset", async () => {
    const body = mine({
      metrics: [{ ...metric("a", 1), step: null, model_id: "m-1" }],
      params: null,
      more: {},
    });
    await ok(await send("runs/log-batch", body));
    expect((await runOf()).data.metrics).toEqual([metric("a", 1, 0)]);
  });
});

describe("params and tags", () => {
  it("params stay what they are, tags change and go", async () => {
    for (let i = 0; i < 2; i++) await ok(await send("runs/log-parameter", mine({ key: "a", value: "1" })));
    const [status, code] = await refusal(await send("runs/log-parameter", mine({ key: "a", value: "2" })));
    expect([status, code]).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    for (const value of ["x", "y"]) await ok(await send("runs/set-tag", mine({ key: "t", value })));
    expect((await runOf()).data).toMatchObject({
      params: [{ key: "a", value: "1" }],
      tags: [{ key: "t", value: "y" }],
    });
    await ok(await send("runs/delete-tag", mine({ key: "t" })));
    expect(await refusal(await send("runs/delete-tag", mine({ key: "t" })))).toEqual([
      404,
      "RESOURCE_DOES_NOT_EXIST",
      `No tag with name: t in run with id ${own.id}`,
    ]);
  });

  it("racing writers of one param agree: one value stays, the others hear of it", async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        send("runs/log-parameter", mine({ key: "seed", value: String(i) })),
      ),
    );
    expect(answers.filter((a) => a.status === 200)).toHaveLength(1);
    expect(answers.filter((a) => a.status === 400)).toHaveLength(7);
  });

  it("values are cut where MLflow cuts them", async () => {
    await ok(await send("runs/log-parameter", mine({ key: "long", value: "v".repeat(7000) })));
    await ok(await send("runs/log-parameter", mine({ key: "long", value: "v".repeat(7000) })));
    await ok(await send("runs/set-tag", mine({ key: "long", value: "v".repeat(9000) })));
    const { params, tags } = await tracked(ctx, own.number);
    expect([params[0]?.value.length, tags[0]?.value.length]).toEqual([6000, 8000]);
  });

  it("a run keeps at most 10,000 of each", async () => {
    await connection.db.execute(sql`
      insert into run_param (team_id, run_id, key, value)
      select ${ctx.teamId}, ${own.id}, 'p' || n, '' from generate_series(1, 10000) as n`);
    const [status, , said] = await refusal(
      await send("runs/log-parameter", mine({ key: "more", value: "1" })),
    );
    expect([status, said]).toEqual([400, "A run keeps at most 10000 params; this one has as many."]);
    await ok(await send("runs/log-parameter", mine({ key: "p1", value: "" })));
  });

  it("inputs become tags, and a model of an older client one more entry of its list", async () => {
    const dataset = { name: "train set", digest: "abc", source_type: "local", source: "x" };
    const tags = [{ key: "mlflow.data.context", value: "training" }];
    await ok(await send("runs/log-inputs", mine({ datasets: [{ dataset, tags }] })));
    for (const path of ["a", "b"])
      await ok(await send("runs/log-model", mine({ model_json: JSON.stringify({ artifact_path: path }) })));
    const found = Object.fromEntries(
      (await tracked(ctx, own.number)).tags.map((t) => [t.key, JSON.parse(t.value)]),
    );
    expect(found).toEqual({
      "input.train set": {
        digest: "abc",
        source_type: "local",
        source: "x",
        "mlflow.data.context": "training",
      },
      "mlflow.log-model.history": [{ artifact_path: "a" }, { artifact_path: "b" }],
    });
    expect((await refusal(await send("runs/log-model", mine({ model_json: "[" }))))[0]).toBe(400);
  });
});
