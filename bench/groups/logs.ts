/** A log of 100 MB as a person sees it: its end, any line of it, and what a search finds. */
import { signInToConsole } from "../../e2e/fixtures/browser";
import { ENGINEER } from "../../e2e/pages/entry";
import { openBrowser } from "../browser";
import { runForPoints } from "../points";
import type { Bench } from "../project";
import { type Figures, figure } from "../result";
import { stopRun } from "../runs";

const BYTES = 100e6;
const CHUNK = 250_000;
const TIMES = 10;
const SOUGHT = "needle at the very beginning";
const LAST = "needle at the very end";

export async function logs(bench: Bench): Promise<Figures> {
  const { team, product, api } = bench;
  const { run, token } = await runForPoints(bench);
  const seconds = await write(`${product.url}/api/worker/logs`, token);
  await stopRun(bench, run.number);

  const browser = await openBrowser();
  try {
    const page = await signInToConsole(browser, product.url, ENGINEER);
    const opened: number[] = [];
    const jumped: number[] = [];
    for (let n = 0; n <= TIMES; n += 1) {
      await page.goto("about:blank");
      const began = performance.now();
      await page.goto(`/${team}/training/${run.number}`, { waitUntil: "commit" });
      const log = page.getByRole("log");
      await log.locator(".log-line > span").first().waitFor();
      if (n > 0) opened.push(performance.now() - began);
      await log.scrollIntoViewIfNeeded();
      const from = performance.now();
      const share = (n + 1) / (TIMES + 2);
      await log.evaluate((frame, to) => frame.scrollTo({ top: frame.scrollHeight * to }), share);
      // Every row in sight holds its line.
      await page.waitForFunction(() => {
        const frame = document.querySelector('[role="log"]');
        if (!frame) return false;
        const { top, bottom } = frame.getBoundingClientRect();
        const inSight = [...frame.querySelectorAll(".log-line")].filter((row) => {
          const box = row.getBoundingClientRect();
          return box.bottom > top && box.top < bottom;
        });
        return inSight.length > 5 && inSight.every((row) => row.childElementCount > 0);
      });
      if (n > 0) jumped.push(performance.now() - from);
    }
    const search = async (text: string) => {
      const times: number[] = [];
      for (let n = 0; n < TIMES; n += 1) {
        const began = performance.now();
        let cursor: number | null = null;
        do {
          const found: { lines: unknown[]; next: number | null } = await api.runs.searchLogs.query({
            ...{ team, run: run.number, search: text, limit: 1 },
            cursor,
          });
          if (found.lines.length > 0) break;
          cursor = found.next;
        } while (cursor !== null);
        times.push(performance.now() - began);
      }
      return times;
    };
    return {
      "logs.open_100mb": figure(opened, "ms", {
        from: "the address to the first line in sight",
        bytes: BYTES,
        megabytesPerSecondIn: BYTES / 1e6 / seconds,
      }),
      "logs.jump_100mb": figure(jumped, "ms", { from: "a jump to any place to all lines in sight" }),
      "logs.search_first_100mb": figure(await search(SOUGHT), "ms", { of: "a line at its beginning" }),
      "logs.search_last_100mb": figure(await search(LAST), "ms", { of: "its very last line" }),
    };
  } finally {
    await browser.close();
  }
}

/** Writes the log of one rank as its worker would; answers the seconds that it took. */
async function write(url: string, token: string): Promise<number> {
  const began = performance.now();
  // Beside what the worker itself has logged of rank 0.
  const rank = 1;
  let line = 0;
  for (let offset = 0; offset < BYTES; ) {
    const chunks = Array.from({ length: 8 }, () => {
      const lines: string[] = [];
      let length = 0;
      while (length < CHUNK) {
        const word = line === 0 ? SOUGHT : `loss ${Math.sin(line).toFixed(6)}`;
        const text = `2026-01-01 00:00:00 INFO step ${line} of this long log: ${word}\n`;
        lines.push(text);
        length += text.length;
        line += 1;
      }
      const chunk = { rank, offset, text: lines.join("") };
      offset += length;
      return chunk;
    });
    const last = chunks.at(-1);
    if (last && offset >= BYTES) last.text += `${LAST}\n`;
    await send(url, token, chunks);
  }
  return (performance.now() - began) / 1000;
}

async function send(url: string, token: string, chunks: object[]): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ chunks }) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
}
