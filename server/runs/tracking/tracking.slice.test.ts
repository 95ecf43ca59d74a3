import { eq } from "drizzle-orm";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { attempt } from "../../../db/schema/runs";
import type { TeamContext } from "../../platform/context";
import { newId } from "../../platform/ids";
import { relay } from "../../platform/live/relay";
import { singleton } from "../../platform/singleton";
import { testConsole } from "../../platform/testing/console";
import { deriveToken } from "../../platform/tokens";
import { readMetric } from "../metrics";
import { attemptsOf, getRun } from "../reads";
import { MetricsQuery } from "../screens";
import { makeTeam, post, queue } from "../testing";
import { tracked } from "./service";
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
const runOf = async () => (await ok(await send(`runs/get?run_id=${own.id}`))).run;
const metric = (key: string, value: unknown, step: unknown = 0, timestamp: unknown = 1_700_000_000_000) => ({
  key,
  value,
  step,
  timestamp,
});
const historyOf = async (key: string, more = "") =>
  ok(await send(`metrics/get-history?run_id=${own.id}&metric_key=${encodeURIComponent(key)}${more}`));

describe("one attempt, one experiment, one run", () => {
  it("answers the run itself for every experiment and every start", async () => {
    const asked = await ok(await send("experiments/get-by-name?experiment_name=my%20experiment"));
    expect(asked.experiment).toMatchObject({
      experiment_id: own.id,
      name: "my experiment",
      artifact_location: `mlflow-artifacts:/${own.id}`,
      lifecycle_stage: "active",
    });
    expect(await ok(await send("experiments/create", { name: "another" }))).toEqual({
      experiment_id: own.id,
    });
    expect((await ok(await send("experiments/get?experiment_id=0"))).experiment.experiment_id).toBe(own.id);
    expect((await ok(await send("experiments/search", { max_results: 10 }))).experiments).toHaveLength(1);
    const tags = [
      { key: "mlflow.user", value: "ada" },
      { key: "mlflow.parentRunId", value: own.id },
    ];
    const { run } = await ok(await send("runs/create", { experiment_id: own.id, run_name: "first", tags }));
    expect(run.info).toEqual({
      run_id: own.id,
      run_uuid: own.id,
      run_name: "first",
      experiment_id: own.id,
      user_id: "ada",
      status: "SCHEDULED",
      start_time: expect.any(Number),
      artifact_uri: `mlflow-artifacts:/${own.id}/artifacts`,
      lifecycle_stage: "active",
    });
    expect(run.data.tags).toEqual([
      { key: "mlflow.runName", value: "first" },
      { key: "mlflow.user", value: "ada" },
    ]);
  });

  it("takes a client's end of the run without ending it", async () => {
    await post(own.token, "state", { state: "running", workers: [] });
    const ended = { run_id: own.id, status: "FINISHED", end_time: Date.now(), run_name: "renamed" };
    const { run_info } = await ok(await send("runs/update", ended));
    expect(run_info).toMatchObject({ status: "RUNNING", run_name: "renamed" });
    expect(run_info).not.toHaveProperty("end_time");
    expect((await getRun(connection.db, ctx.teamId, own.id)).state).toBe("running");
  });

  it("knows no run but its own, of its team or of another", async () => {
    const sibling = await queue(ctx);
    for (const id of [sibling.id, (await queue(await makeTeam(connection.db))).id, "unknown"]) {
      const missing = [404, "RESOURCE_DOES_NOT_EXIST", `Run with id=${id} not found`];
      expect(await refusal(await send(`runs/get?run_id=${id}`))).toEqual(missing);
      expect(await refusal(await send("runs/log-batch", { run_id: id, tags: [{ key: "a" }] }))).toEqual(
        missing,
      );
      expect(await refusal(await send("runs/set-tag", { run_uuid: id, key: "a" }))).toEqual(missing);
      const stored = await callArtifacts(own.token, "PUT", `artifacts/${id}/artifacts/a.txt`, "a");
      expect((await refusal(stored)).slice(0, 2)).toEqual(missing.slice(0, 2));
    }
    expect((await tracked(ctx, sibling.number)).tags).toEqual([]);
  });

  it("is found by a search whose filter holds", async () => {
    await ok(
      await send(
        "runs/log-batch",
        mine({
          metrics: [metric("val/loss", 0.25, 3)],
          params: [{ key: "optimizer", value: "adamw" }],
          tags: [{ key: "team name", value: "vision" }],
        }),
      ),
    );
    const found = async (filter: string) =>
      (await ok(await send("runs/search", { experiment_ids: ["0"], filter }))).runs.length;
    expect(await found("")).toBe(1);
    for (const [filter, n] of [
      ["metrics.`val/loss` < 0.3 and params.optimizer = 'adamw'", 1],
      ['metrics."val/loss" >= 0.3', 0],
      ["tags.`team name` ILIKE 'VIS%' AND attributes.status != 'FINISHED'", 1],
      ["tags.`team name` LIKE 'VIS%'", 0],
      ["metrics.missing != 1", 0],
      ["params.missing IS NULL", 1],
      [`run_id IN ('x', '${own.id}')`, 1],
      ["start_time > 0", 1],
    ] as const) {
      expect([filter, await found(filter)]).toEqual([filter, n]);
    }
    for (const filter of [
      "params.optimizer = adamw",
      "a = 'b' OR c = 'd'",
      "metrics.`val/loss` = 'x'",
      "nope",
    ]) {
      const answer = await send("runs/search", { experiment_ids: [own.id], filter });
      expect((await refusal(answer)).slice(0, 2)).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    }
  });

  it("is not an attempt's to delete", async () => {
    for (const path of ["runs/delete", "experiments/delete", "runs/restore"]) {
      expect((await refusal(await send(path, mine({})))).slice(0, 2)).toEqual([403, "PERMISSION_DENIED"]);
    }
  });
});

describe("metrics", () => {
  it("are the same points as a worker's: charts, latest values and history", async () => {
    const metrics = [
      metric("loss", 2, 0),
      metric("loss", 0.5, 70, "1700000000001"),
      metric("loss", 1, "35"),
      metric("bad", "NaN", 1),
      metric("up", "Infinity", 1),
      metric("down", "-Infinity", 1),
    ];
    for (let i = 0; i < 2; i++) await ok(await send("runs/log-batch", mine({ metrics })));
    await ok(await send("runs/log-metric", mine(metric("loss", 0.25, 70, 1_700_000_000_000))));
    expect((await runOf()).data.metrics).toEqual([
      metric("bad", "NaN", 1),
      metric("down", "-Infinity", 1),
      metric("loss", 0.5, 70, 1_700_000_000_001),
      metric("up", "Infinity", 1),
    ]);
    expect((await historyOf("loss")).metrics.map((m: { value: number }) => m.value)).toEqual([
      2, 1, 0.25, 0.5,
    ]);
    const run = await getRun(connection.db, ctx.teamId, own.id);
    const chart = await readMetric(
      connection.db,
      run,
      await attemptsOf(connection.db, run.id),
      MetricsQuery.parse({ run: own.number, name: "loss" }),
    );
    expect(chart.series.flatMap((s) => s.buckets.map((b) => [b.step, b.n, b.last]))).toEqual([
      [0, 1, 2],
      [35, 1, 1],
      [70, 2, 0.5],
    ]);
  });

  it("of the largest doubles add up to no fault", async () => {
    const metrics = [metric("huge", 1.7976931348623157e308, 1), metric("huge", 1.7976931348623157e308, 2)];
    await ok(await send("runs/log-batch", mine({ metrics })));
    await ok(await send("runs/log-batch", mine({ metrics: [metric("huge", 1.7e308, 3)] })));
    expect((await runOf()).data.metrics).toEqual([metric("huge", 1.7e308, 3)]);
    const run = await getRun(connection.db, ctx.teamId, own.id);
    const query = MetricsQuery.parse({ run: own.number, name: "huge", width: 10 });
    const chart = await readMetric(connection.db, run, await attemptsOf(connection.db, run.id), query);
    expect(chart.series).toHaveLength(1);
  });

  it("are paged, each page after the last, through NaN and ties", async () => {
    const values = [3, "NaN", 1, 2, "NaN", 5, 4];
    const metrics = values.map((value, i) => metric("m", value, i >> 1, 10 + (i % 2)));
    await ok(await send("runs/log-batch", mine({ metrics })));
    const whole = (await historyOf("m")).metrics;
    expect(whole).toHaveLength(7);
    const pages = [];
    for (let token = ""; ; ) {
      const page = await historyOf("m", `&max_results=2${token && `&page_token=${token}`}`);
      pages.push(...page.metrics);
      if (!page.next_page_token) break;
      token = page.next_page_token;
    }
    expect(pages).toEqual(whole);
    for (const more of ["&page_token=nonsense", "&max_results=0", "&max_results=60000"]) {
      const answer = await send(`metrics/get-history?run_id=${own.id}&metric_key=m${more}`);
      expect((await refusal(answer)).slice(0, 2)).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    }
  });

  it("answer 429 with Retry-After when as many batches are stored as there is room for", async () => {
    const gate = singleton("runs.ingests", () => ({ inFlight: 0 }));
    gate.inFlight = 32;
    try {
      const answer = await send("runs/log-batch", mine({ metrics: [metric("a", 1)] }));
      expect(answer.headers.get("retry-after")).toBe("1");
      expect((await refusal(answer)).slice(0, 2)).toEqual([429, "REQUEST_LIMIT_EXCEEDED"]);
    } finally {
      gate.inFlight = 0;
    }
    await ok(await send("runs/log-batch", mine({ metrics: [metric("a", 1)] })));
  });
});

describe("the door", () => {
  it("answers what it does not know with a code that clients fall back on", async () => {
    for (const [path, body] of [
      ["registered-models/create", { name: "m" }],
      ["traces", {}],
      ["runs/log-batch", undefined],
    ] as const) {
      expect((await refusal(await send(path, body))).slice(0, 2)).toEqual([404, "ENDPOINT_NOT_FOUND"]);
    }
  });

  it("refuses false tokens, services, and an attempt that is over: at once, with nothing to repeat", async () => {
    const body = mine({ tags: [{ key: "late", value: "1" }] });
    expect((await refusal(await call(`${own.token}x`, "runs/log-batch", body))).slice(0, 2)).toEqual([
      401,
      "UNAUTHENTICATED",
    ]);
    const session = deriveToken("session", newId("ses"));
    expect((await refusal(await call(session, "runs/log-batch", body))).slice(0, 2)).toEqual([
      403,
      "PERMISSION_DENIED",
    ]);
    await connection.db.update(attempt).set({ state: "lost" }).where(eq(attempt.id, own.attempt.id));
    expect(await refusal(await send("runs/log-batch", body))).toEqual([
      409,
      "RESOURCE_CONFLICT",
      "This attempt is over: nothing it says is kept any more. Stop its processes.",
    ]);
    expect((await callArtifacts(own.token, "PUT", `artifacts/${own.id}/artifacts/late`, "x")).status).toBe(
      409,
    );
    expect(await tracked(ctx, own.number)).toEqual({ params: [], tags: [], artifacts: [], models: [] });
  });

  it("takes a NUL for the sender's fault, wherever it is", async () => {
    for (const answer of [
      await send("runs/delete-tag", mine({ key: "a\0" })),
      await send("logged-models/a%00b"),
      await send(`metrics/get-history?run_id=${own.id}&metric_key=%00`),
    ]) {
      expect((await refusal(answer)).slice(0, 2)).toEqual([400, "INVALID_PARAMETER_VALUE"]);
    }
    const [status, , said] = await refusal(await send("logged-models", { name: "net", model_type: "\0" }));
    expect([status, said]).toEqual([400, "The request holds a NUL character, which can't be stored."]);
  });

  it("tells open pages that there is something new", async () => {
    const heard = new Set<string>();
    const unsubscribe = relay().subscribe({
      onEvents: () => {},
      onNews: ({ runId, what }) => runId === own.id && heard.add(what),
    });
    try {
      await vi.waitFor(
        async () => {
          await ok(await send("runs/log-batch", mine({ tags: [{ key: "a", value: "1" }] })));
          expect([...heard]).toEqual(["tracked"]);
        },
        { timeout: 10_000, interval: 100 },
      );
    } finally {
      unsubscribe();
    }
  });

  it("goes on with what an earlier attempt tracked", async () => {
    await ok(
      await send(
        "runs/log-batch",
        mine({ metrics: [metric("loss", 2, 5)], tags: [{ key: "a", value: "1" }] }),
      ),
    );
    const cause = { kind: "worker_died", message: "gone", rank: 0, exitCode: null, evidence: "" };
    const next = await (await post(own.token, "next-attempt", { cause, lastStep: 5 })).json();
    await ok(await call(next.token, "runs/log-metric", mine(metric("loss", 1, 6))));
    const { run } = await ok(await call(next.token, `runs/get?run_id=${own.id}`));
    expect(run.data).toMatchObject({ metrics: [{ value: 1, step: 6 }], tags: [{ key: "a", value: "1" }] });
    const path = `metrics/get-history?run_id=${own.id}&metric_key=loss`;
    expect((await ok(await call(next.token, path))).metrics).toHaveLength(2);
  });
});
