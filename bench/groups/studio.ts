/** The dial: until the first measured accuracy, as the session counts it and as a person sees it. */

import { signInToConsole } from "../../e2e/fixtures/browser";
import { ENGINEER } from "../../e2e/pages/entry";
import { StudioPage } from "../../e2e/pages/studio";
import { openBrowser } from "../browser";
import { type Bench, nextRevision, openSession } from "../project";
import { type Figures, figure } from "../result";

const SETTINGS = 40;
const FIRST_N = 1000;
const DRAGS = 10;
/** Each drag leads to a setting of its own, the last to nearly the end of the dial. */
const TO_MEASURE = 18;
const PIXELS = 10;

export async function studio(bench: Bench): Promise<Figures> {
  const { api, team } = bench;
  const sessionId = await openSession(bench);

  const first = { sparsity: [] as number[], channels: [] as number[], int8: [] as number[] };
  const thousand: number[] = [];
  for (let i = 0; i < SETTINGS; i += 1) {
    const kind = (["sparsity", "channels", "int8"] as const)[i % 3] ?? "sparsity";
    const settings = {
      // Between the stops of the dial, so that nothing is known of those when a hand turns it.
      sparsity: kind === "channels" ? 0 : 0.105 + (i % 17) * 0.04,
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
    ...(await inBrowser(bench)),
  };
}

async function inBrowser({ product, team, sample }: Bench): Promise<Figures> {
  const browser = await openBrowser(["--disable-gpu", "--disable-background-networking"]);
  try {
    const page = await signInToConsole(browser, product.url, ENGINEER);
    const studioPage = new StudioPage(page);
    await studioPage.open(team, sample.model, 1);
    const fp32: number[] = [];
    for (let i = 0; i < TO_MEASURE; i += 1) fp32.push(await studioPage.timeToMeasured(PIXELS));
    const frames: number[] = [];
    const slowest: number[] = [];
    for (let i = 0; i < DRAGS; i += 1) {
      await studioPage.turnSparsity(0);
      const drag = await studioPage.drag();
      frames.push(...drag.frames);
      slowest.push(drag.slowest);
    }
    await studioPage.turnSparsity(0);
    await studioPage.choosePrecision("int8");
    const int8: number[] = [];
    for (let i = 0; i < TO_MEASURE; i += 1) int8.push(await studioPage.timeToMeasured(PIXELS));
    return {
      "studio.first_measured_browser": figure(fp32, "ms", {
        from: "letting go of the dial to the frame with a measured figure, the measurement before it still running",
        int8: figure(int8, "ms"),
      }),
      "studio.drag_frame": figure(frames, "ms"),
      "studio.drag_answer": figure(slowest, "ms", { of: "the slowest event of a drag of a second" }),
    };
  } finally {
    await browser.close();
  }
}
