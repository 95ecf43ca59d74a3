/** Runs as a person sees them: a chart of a million points, and the list of ten thousand. */
import type { Page } from "@playwright/test";
import { signInToConsole } from "../../e2e/fixtures/browser";
import { ENGINEER } from "../../e2e/pages/entry";
import { openBrowser } from "../browser";
import { inDatabase } from "../database";
import { runForPoints, send, workerDoor } from "../points";
import type { Bench } from "../project";
import { type Figures, figure } from "../result";
import { multiplyRun, stopRun } from "../runs";

const POINTS = 1_000_000;
const RUNS = 10_000;
const VIEWS = 10;

export async function runs(bench: Bench): Promise<Figures> {
  const { team, product } = bench;
  const { run, token } = await runForPoints(bench);
  const sent = await send(workerDoor(product.url, token, "train/loss"), {
    ms: Number.POSITIVE_INFINITY,
    points: POINTS,
  });
  await stopRun(bench, run.number);
  await inDatabase(bench.product, (client) => multiplyRun(client, run.id, RUNS));

  const browser = await openBrowser();
  try {
    const page = await signInToConsole(browser, product.url, ENGINEER);
    const chart = async () => {
      await page.locator('section[aria-label="Loss"] canvas').first().waitFor();
      // What answers a press is what is measured, not what is painted.
      await page.getByRole("radio", { name: "last 200" }).click();
      await page.locator('[role="radio"][aria-checked="true"]', { hasText: "last 200" }).waitFor();
    };
    const list = () => page.locator('tbody tr[data-index="0"]').waitFor();
    const chartTimes = await times(page, `/${team}/training/${run.number}`, chart);
    const loaded = await times(page, `/${team}/training`, list);
    const arrived: number[] = [];
    for (let view = 0; view < VIEWS; view += 1) {
      await page.goto(`/${team}/models`, { waitUntil: "networkidle" });
      const began = performance.now();
      await page.getByRole("link", { name: "Training", exact: true }).first().click();
      await list();
      arrived.push(performance.now() - began);
    }
    return {
      "runs.chart_1m_points": figure(chartTimes, "ms", {
        points: POINTS,
        pointsPerSecond: Math.round(sent.accepted / sent.seconds),
        from: "the address to the answer of a press on a drawn chart",
      }),
      "runs.list_10000_first": figure(arrived, "ms", {
        runs: RUNS,
        from: "a press on Training to the first row",
        load: figure(loaded, "ms", { from: "the address to the first row" }),
      }),
    };
  } finally {
    await browser.close();
  }
}

/** Times from asking for an address; once before, so that scripts are in the browser's cache as they are for a person. */
export async function times(page: Page, path: string, seen: () => Promise<unknown>): Promise<number[]> {
  const found: number[] = [];
  for (let view = 0; view <= VIEWS; view += 1) {
    await page.goto("about:blank");
    const began = performance.now();
    await page.goto(path, { waitUntil: "commit" });
    await seen();
    if (view > 0) found.push(performance.now() - began);
  }
  return found;
}
