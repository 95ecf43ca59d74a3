/** The browser that benches look through: the system's Chromium where there is one, else Playwright's. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "@playwright/test";

const SYSTEM = "/usr/bin/chromium";

export const openBrowser = (args: readonly string[] = []): Promise<Browser> =>
  chromium.launch({
    ...(existsSync(SYSTEM) && { executablePath: SYSTEM }),
    args: ["--no-sandbox", ...args],
  });
