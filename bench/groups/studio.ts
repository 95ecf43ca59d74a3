/** The dial: until the first measured accuracy, as the session counts it and as a person sees it. */

import { existsSync } from "node:fs";
import { chromium } from "@playwright/test";
import { signInToConsole } from "../../e2e/fixtures/browser";
import { ENGINEER } from "../../e2e/pages/entry";
import { StudioPage } from "../../e2e/pages/studio";
import { type Bench, nextRevision, openSession } from "../project";
import { type Figures, figure } from "../result";

const SETTINGS = 40;
const IN_BROWSER = 20;
const FIRST_N = 1000;

export async function studio(bench: Bench): Promise<Figures> {
  const { api, team } = bench;
  const sessionId = await openSession(bench);

  const first = { sparsity: [] as number[], channels: [] as number[], int8: [] as number[] };
  const thousand: number[] = [];
  for (let i = 0; i < SETTINGS; i += 1) {
    const kind = (["sparsity", "channels", "int8"] as const)[i % 3] ?? "sparsity";
    const settings = {
      sparsity: kind === "channels" ? 0 : 0.1 + (i % 17) * 0.04,
      channels: kind === "channels" ? 0.1 + (i % 5) * 0.1 : 0,
      precision: kind === "int8" ? ("int8" as const) : ("fp32" as const),
    };
    let seen = false;
    const lines = await api.studio.evaluate.mutate({
      team,
      sessionId,
      rev: nextRevision(),
      settings,
    });
    for await (const line of lines) {
      if (line.type !== "accuracy") continue;
      if (!seen) first[kind].push(line.elapsedMs);
      seen = true;
      if (line.n >= FIRST_N) {
        thousand.push(line.elapsedMs);
        break;
      }
    }
  }
  const all = [...first.sparsity, ...first.channels, ...first.int8];
  return {
    "studio.first_measured_worker": figure(all, "ms", {
      sparsity: figure(first.sparsity, "ms"),
      channels: figure(first.channels, "ms"),
      int8: figure(first.int8, "ms"),
    }),
    "studio.n1000_worker": figure(thousand, "ms"),
    "studio.first_measured_browser": figure(await inBrowser(bench), "ms", {
      from: "the dial's change to a measured figure on screen",
    }),
  };
}

async function inBrowser({ product, team, sample }: Bench): Promise<number[]> {
  const system = "/usr/bin/chromium";
  const browser = await chromium.launch({
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    ...(existsSync(system) && { executablePath: system }),
  });
  try {
    const page = await signInToConsole(browser, product.url, ENGINEER);
    const studioPage = new StudioPage(page);
    await studioPage.open(team, sample.model, 1);
    const times: number[] = [];
    for (let i = 0; i < IN_BROWSER; i += 1) times.push(await studioPage.timeToMeasured(10 + (i % 12) * 5));
    return times;
  } finally {
    await browser.close();
  }
}
