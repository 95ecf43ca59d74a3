/**
 * The overview of a team with 10,000 runs and 50 models in production, and a wallboard that hangs for long: each minute
 * of the soak plays an hour of it.
 */
import { readFileSync } from "node:fs";
import type { Browser } from "@playwright/test";
import { signInToConsole } from "../../e2e/fixtures/browser";
import { pidOf } from "../../e2e/fixtures/processes";
import { ENGINEER } from "../../e2e/pages/entry";
import { openBrowser } from "../browser";
import { inDatabase } from "../database";
import type { Bench } from "../project";
import { type Figure, type Figures, figure } from "../result";
import { multiplyRun } from "../runs";
import { serveTwo } from "../served";
import { times } from "./runs";

const RUNS = 10_000;
const MODELS = 50;
const SOAK_MINUTES = Number(process.env.LATHE_SOAK_MINUTES ?? 20);

export async function overview(bench: Bench): Promise<Figures> {
  const { team, product, api } = bench;
  const { model } = await serveTwo(bench);
  const { runs } = await api.runs.list.query({ team, limit: 1 });
  await inDatabase(product, async (client) => {
    await multiplyRun(client, runs[0]?.id ?? "", RUNS);
    await client.query(SERVE_COPIES, [model, MODELS - 1]);
  });
  const browser = await openBrowser();
  try {
    const page = await signInToConsole(browser, product.url, ENGINEER);
    const shown = () =>
      page
        .getByRole("row", { name: new RegExp(model) })
        .first()
        .waitFor();
    const first = await times(page, `/${team}/overview`, shown);
    return {
      "overview.first_content": figure(first, "ms", {
        runs: RUNS,
        models: MODELS,
        from: "the address to a row",
      }),
      "wall.soak_growth": await soak(bench, browser),
    };
  } finally {
    await browser.close();
  }
}

/**
 * Copies of a model with the version and release that serve it, and most of an hour of requests. They sleep: nobody asks
 * them now, so no replica is started for them.
 */
const SERVE_COPIES = `
  with one as (select id, team_id from model where name = $1), i as (select generate_series(1, $2::int) as i),
  models as (
    insert into model
    select (jsonb_populate_record(m, jsonb_build_object('id', m.id || '_' || i, 'name', m.name || '-' || i))).*
    from model m join one using (id), i returning id),
  versions as (
    insert into version
    select (jsonb_populate_record(v, jsonb_build_object('id', v.id || '_' || i, 'model_id', v.model_id || '_' || i))).*
    from release r join one on one.id = r.model_id join version v on v.id = r.version_id, i
    where r.state = 'serving' returning id, model_id),
  sleeping as (
    insert into scaling (team_id, model_id, min, max, target, idle_minutes, created_by)
    select one.team_id, models.id, 0, 1, 8, 1, 'bench' from models, one),
  releases as (
    insert into release
    select (jsonb_populate_record(r, jsonb_build_object('id', r.id || '_' || i, 'model_id', r.model_id || '_' || i,
      'version_id', r.version_id || '_' || i, 'request_id', null, 'previous_id', null, 'restores_id', null,
      'route_revision', null, 'created_at', now() - interval '2 hours', 'serving_at', now() - interval '2 hours'))).*
    from release r join one on one.id = r.model_id, i where r.state = 'serving')
  insert into serving_minute (team_id, model_id, version_id, gateway_id, minute, requests, errors, p50_us, p99_us)
  select one.team_id, versions.model_id, versions.id, 'gw', date_trunc('minute', now()) - m * interval '1 minute', 600, 1, 900, 4000
  from versions, one, generate_series(3, 59) m`;

/** What the page and the web hold more after the soak than after its first minute, MB. */
async function soak({ api, team, product }: Bench, browser: Browser): Promise<Figure> {
  const { token } = await api.identity.createToken.mutate({
    ...{ team, name: "soak", scopes: ["display"], expiresInDays: 1 },
  });
  const context = await browser.newContext({ baseURL: product.url, viewport: { width: 1920, height: 1080 } });
  const wall = await context.newPage();
  await wall.clock.install();
  await wall.goto("/wall");
  await wall.getByLabel("Display token").fill(token);
  await wall.getByRole("button", { name: "Show the wallboard" }).click();
  await wall.getByRole("table", { name: "Models in production" }).waitFor();
  const devtools = await context.newCDPSession(wall);
  await devtools.send("Performance.enable");
  const held = async () => {
    await devtools.send("HeapProfiler.collectGarbage");
    const { metrics } = await devtools.send("Performance.getMetrics");
    const heap = metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? 0;
    const web = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pidOf(product.home, "web")}/status`, "utf8"));
    return { pageMb: heap / 1e6, webMb: Number(web?.[1] ?? 0) / 1e3 };
  };
  const play = async (minutes: number) => {
    const end = performance.now() + minutes * 60_000;
    while (performance.now() < end) {
      const began = performance.now();
      await wall.clock.runFor(60_000);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 1000 - (performance.now() - began))));
    }
  };
  await play(1);
  const before = await held();
  await play(SOAK_MINUTES);
  const after = await held();
  await context.close();
  return figure([after.pageMb - before.pageMb], "MB", { minutes: SOAK_MINUTES, speed: 60, before, after });
}
