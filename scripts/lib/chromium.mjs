// @ts-check
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { run } from "./levels.mjs";
import { Refusal } from "./refusal.mjs";

const SYSTEM = "/usr/bin/chromium";

/**
 * Makes sure that Playwright has a Chromium: the system's, a build of its own, or one installed now.
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} where it is
 * @throws {Refusal} when none can be installed
 */
export async function ensureChromium(env) {
  if (existsSync(SYSTEM)) return SYSTEM;
  const { chromium } = await import("@playwright/test");
  if (existsSync(chromium.executablePath())) return chromium.executablePath();
  if (process.getuid?.() === 0 && has("apt-get")) {
    await run("apt-get", ["update", "-q"], { env });
    const options = { env: { ...env, DEBIAN_FRONTEND: "noninteractive" } };
    await run("apt-get", ["install", "-y", "-q", "--no-install-recommends", "chromium"], options);
    if (existsSync(SYSTEM)) return SYSTEM;
  }
  await run("npx", ["playwright", "install", "chromium"], { env });
  if (existsSync(chromium.executablePath())) return chromium.executablePath();
  throw new Refusal(
    "No Chromium could be installed; install one (Debian: apt install chromium), then run the tests again.",
  );
}

/** @param {string} tool */
const has = (tool) => spawnSync("which", [tool], { stdio: "ignore" }).status === 0;
