/** JavaScript that a first visit of a page loads, compressed as it travels. */
import { gzipSync } from "node:zlib";
import type { Bench } from "../project";
import { type Figures, figure } from "../result";

export async function web({ product, team, cookie }: Bench): Promise<Figures> {
  const pages: Record<string, number> = {};
  for (const path of [
    "overview",
    "models",
    "training",
    "releases",
    "cluster",
    "datasets",
    "audit",
    "settings",
  ]) {
    const html = await (await fetch(`${product.url}/${team}/${path}`, { headers: { cookie } })).text();
    const scripts = new Set(
      [...html.matchAll(/(?:src|href)="(\/_next\/static\/[^"]+\.js)[^"]*"/g)].map((m) => m[1] ?? ""),
    );
    let bytes = 0;
    for (const script of scripts) {
      bytes += gzipSync(Buffer.from(await (await fetch(`${product.url}${script}`)).arrayBuffer())).length;
    }
    pages[path] = Math.round(bytes / 100) / 10;
  }
  return { "web.first_load_js": figure(Object.values(pages), "kB gzip", { pages }) };
}
