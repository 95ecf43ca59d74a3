#!/usr/bin/env node
/** `npm run bench -- [--only GROUP] --out FILE`: measures the running product; see bench/main.ts. */
import { spawnSync } from "node:child_process";

const { status } = spawnSync("node", ["--import", "tsx", "bench/main.ts", ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exit(status ?? 1);
