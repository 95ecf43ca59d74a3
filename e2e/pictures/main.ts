/**
 * `npm run pictures -- [--only cluster,cost] [--out DIR]`: photographs every state of the operator's screens, in both
 * themes and sizes. Ends with 1 where a state was not reached, a page threw, scrolls sideways or axe finds something.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { BrowserContext, Page } from "@playwright/test";
import { openBrowser } from "../../bench/browser";
import { signInToConsole } from "../fixtures/browser";
import { startProduct } from "../fixtures/product";
import { ENGINEER } from "../pages/entry";
import { control, forget } from "./answers";
import { type Found, photograph } from "./camera";
import { CHAPTERS } from "./catalogue";
import type { Scene } from "./scene";
import { makeSheets } from "./sheets";
import { makeWorld, type World } from "./world";

const REACHED_MS = 30_000;

const { values } = parseArgs({
  options: { only: { type: "string" }, out: { type: "string", default: join("e2e", "output", "states") } },
});
const wanted = values.only?.split(",");
const isWanted = ({ name }: Scene): boolean => !wanted || wanted.some((start) => name.startsWith(start));

async function take(context: BrowserContext, world: World, team: string, scene: Scene): Promise<Found> {
  const page = await context.newPage();
  const thrown: string[] = [];
  page.on("pageerror", (error) => thrown.push(`it threw ${error.stack ?? error}`));
  try {
    await reach(page, world, team, scene);
    const found = await photograph(page, scene.name, values.out, scene.isOver ?? false);
    return { ...found, faults: [...thrown, ...found.faults] };
  } catch (error) {
    await page
      .screenshot({ path: join(values.out, "missed", `${scene.name.replace("/", "-")}.png`) })
      .catch(() => {});
    return {
      faults: [...thrown, `not reached: ${error instanceof Error ? error.message : error}`],
      hints: [],
    };
  } finally {
    await page.unrouteAll({ behavior: "ignoreErrors" });
    await context.setOffline(false);
    await page.close();
  }
}

async function reach(page: Page, world: World, team: string, scene: Scene): Promise<void> {
  page.setDefaultTimeout(REACHED_MS);
  if (scene.name.startsWith("wall/")) await atNoon(page);
  if (scene.answers) await control(page, scene.answers);
  const at = typeof scene.at === "string" ? scene.at : await scene.at(world);
  await page.goto(at.startsWith("/") ? at : `/${team}/${at}`);
  await page.locator("html[data-theme]").waitFor();
  if (scene.answers) await forget(page, scene.answers);
  await scene.act?.(page, world);
  await scene.shows(page).waitFor();
  // All the rest of the page has come, unless it is held.
  if (!scene.answers?.hold)
    await page.waitForFunction(`!document.querySelector("main .sk, [role=dialog] .sk")`);
}

/** The wall is dimmed at night, by its own clock: it hangs where it is noon. */
async function atNoon(page: Page): Promise<void> {
  const hours = new Date().getUTCHours() - 12;
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setTimezoneOverride", {
    timezoneId: `Etc/GMT${hours < 0 ? "" : "+"}${hours}`,
  });
}

function tell({ name }: Scene, { faults, hints }: Found): void {
  console.log(`${faults.length === 0 ? "✓" : "✗"} ${name}`);
  for (const line of [...faults, ...hints.map((hint) => `  (${hint})`)])
    console.log(`    ${line.slice(0, 400)}`);
}

const product = await startProduct({ LATHE_CLUSTER: "none" });
const browser = await openBrowser();
const world = await makeWorld(product);
const screens = new Set<string>();
let faults = 0;
let taken = 0;
try {
  const context = (await signInToConsole(browser, product.url, ENGINEER)).context();
  const last = CHAPTERS.findLastIndex(({ scenes }) => scenes.some(isWanted));
  for (const { title, team, make, scenes } of CHAPTERS.slice(0, last + 1)) {
    console.log(`\n${title}`);
    await make(world);
    for (const scene of scenes.filter(isWanted)) {
      const found = await take(context, world, team(world), scene);
      tell(scene, found);
      taken += 1;
      faults += found.faults.length;
      if (!found.faults.some((fault) => fault.startsWith("not reached")))
        screens.add(scene.name.split("/")[0] ?? "");
    }
  }
  console.log(`\n${(await makeSheets(browser, values.out, screens)).join("\n")}`);
} finally {
  await browser.close();
  await world.close();
  await product.stop();
}
console.log(`\n${taken} states, ${faults} faults`);
process.exit(faults > 0 || taken === 0 ? 1 : 0);
