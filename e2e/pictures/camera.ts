/** Photographs a state in both themes and sizes, and says what no reader should see. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Page } from "@playwright/test";
import { z } from "zod";
import { violationsOf } from "../fixtures/axe";

export const THEMES = ["light", "dark"] as const;
export const SIZES = [
  [1440, 900],
  [1920, 1080],
] as const;
export const fileOf = (name: string, theme: string, width: number): string =>
  join(name.split("/")[0] ?? "", `${name.split("/").slice(1).join("-")}-${theme}-${width}.png`);

/** What was found on a picture; faults fail the tool, hints are for whoever looks. */
export interface Found {
  faults: string[];
  hints: string[];
}
const Seen = z.object({ faults: z.array(z.string()), hints: z.array(z.string()) });

export async function photograph(page: Page, name: string, out: string, isOver: boolean): Promise<Found> {
  const faults = new Set<string>();
  const hints = new Set<string>();
  for (const theme of THEMES) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    await page.locator(`html[data-theme=${theme}]`).waitFor();
    for (const [width, height] of SIZES) {
      await page.setViewportSize({ width, height });
      await page.evaluate(SETTLED);
      const path = join(out, fileOf(name, theme, width));
      mkdirSync(dirname(path), { recursive: true });
      await page.screenshot({ path, fullPage: !isOver });
      const seen = Seen.parse(await page.evaluate(LOOK));
      for (const fault of seen.faults) faults.add(`${width}: ${fault}`);
      for (const hint of seen.hints) hints.add(hint);
    }
    for (const told of await violationsOf(page)) faults.add(`axe, ${theme}: ${told}`);
  }
  return { faults: [...faults], hints: [...hints] };
}

/** What sticks to the window is drawn where the window is; charts are drawn anew a frame after their size changes. */
const SETTLED = `(async () => {
  window.scrollTo(0, 0);
  await document.fonts.ready;
  for (let i = 0; i < 3; i += 1) await new Promise(requestAnimationFrame);
})()`;

/** As text: what compiles this file adds helpers to functions, which no page has. */
const LOOK = `(() => {
  const faults = [];
  const hints = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) faults.push("the page scrolls sideways by " + (root.scrollWidth - root.clientWidth) + " px");
  const wrong = document.body.innerText.match(/.{0,30}(\\bNaN\\b|\\bundefined\\b|\\bInfinity\\b|Invalid Date|\\[object).{0,20}/);
  if (wrong) faults.push("it says " + wrong[0]);
  for (const one of document.querySelectorAll("main *, [role=dialog] *, [role=alertdialog] *")) {
    const style = getComputedStyle(one);
    const isCut = one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 2 && style.overflowX === "hidden" && style.clipPath === "none";
    const text = (one.textContent ?? "").trim();
    if (isCut && text && !one.closest("[title]") && !one.querySelector("[title]")) hints.push("cut without a title: " + text.slice(0, 80));
  }
  return { faults, hints };
})()`;
