import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

const system = "/usr/bin/chromium";

/** One product, one cluster, two cores: specs run one after another, each on what the one before it made. */
export default defineConfig({
  testDir: "e2e/specs",
  outputDir: "e2e/output/traces",
  globalSetup: "./e2e/global-setup.ts",
  workers: 1,
  fullyParallel: false,
  maxFailures: 0,
  timeout: 240_000,
  expect: { timeout: 60_000 },
  reporter: [
    ["list"],
    ["json", { outputFile: process.env.LATHE_PLAYWRIGHT_JSON ?? "e2e/output/results.json" }],
  ],
  use: {
    viewport: { width: 1440, height: 900 },
    reducedMotion: "reduce",
    // Without a film: each frame that the browser draws would be packed as a picture, with the cores that are tested.
    trace: { mode: "retain-on-failure", screenshots: false, snapshots: true, sources: true },
    screenshot: "only-on-failure",
    actionTimeout: 30_000,
    launchOptions: {
      ...(existsSync(system) && { executablePath: system }),
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
      ],
    },
  },
});
