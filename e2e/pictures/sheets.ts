/** Contact sheets: all pictures of a screen in one theme and size on one, with their names. */
import { readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Browser } from "@playwright/test";
import { SIZES, THEMES } from "./camera";

const COLUMNS = 3;
const WIDTH = 2_400;

export async function makeSheets(
  browser: Browser,
  out: string,
  screens: Iterable<string>,
): Promise<string[]> {
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 900 } });
  const made: string[] = [];
  for (const screen of screens)
    for (const theme of THEMES)
      for (const [width] of SIZES) {
        const ending = `-${theme}-${width}.png`;
        const pictures = readdirSync(join(out, screen)).filter((file) => file.endsWith(ending));
        const name = `${screen}${ending.replace(".png", "")}`;
        const html = join(out, `${name}.html`);
        writeFileSync(html, sheet(screen, pictures.sort(), ending));
        await page.goto(`file://${resolve(html)}`);
        const png = join(out, `${name}.png`);
        await page.screenshot({ path: png, fullPage: true });
        made.push(png);
      }
  await page.close();
  return made;
}

const sheet = (screen: string, pictures: readonly string[], ending: string): string => `<!doctype html>
<title>${screen}</title>
<style>
  body { margin: 8px; background: #808080; font: 20px sans-serif; columns: ${COLUMNS}; column-gap: 8px }
  figure { margin: 0 0 8px; break-inside: avoid }
  figcaption { background: #222; color: #fff; padding: 2px 8px }
  img { display: block; width: 100% }
</style>
${pictures
  .map(
    (file) =>
      `<figure><figcaption>${file.replace(ending, "")}</figcaption><a href="${screen}/${file}"><img src="${screen}/${file}"></a></figure>`,
  )
  .join("\n")}`;
