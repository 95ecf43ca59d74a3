// @ts-check
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const PACKAGE = "dataset-fashion-mnist";
const ADDRESS = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com";
const DOWNLOAD_LIMIT_MS = 120_000;

/** Both sources hold the very same files. */
const FILES = {
  "train-images-idx3-ubyte.gz": "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
  "train-labels-idx1-ubyte.gz": "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
  "t10k-images-idx3-ubyte.gz": "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
  "t10k-labels-idx1-ubyte.gz": "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
};

/**
 * Fetches Fashion-MNIST for the sample project: from Debian's package (no root needed), else from its
 * official address. Without either the console starts all the same and says so.
 * @param {import("./steps.mjs").Step} step
 * @param {string} home
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string>} what to say
 */
export async function prepareSampleData(step, home, env) {
  const target = join(home, "data/fashion-mnist");
  if (isWhole(target)) return "up to date";
  mkdirSync(join(home, "data"), { recursive: true });
  const draft = mkdtempSync(join(home, "data/.fashion-mnist-"));
  try {
    for (const [name, source] of /** @type {const} */ ([
      ["Debian's package", fromDebian],
      [ADDRESS, fromAddress],
    ])) {
      step.says(`from ${name}`);
      await source(draft, env);
      if (!isWhole(draft)) continue;
      for (const name of readdirSync(draft))
        if (!(name in FILES)) rmSync(join(draft, name), { recursive: true });
      rmSync(target, { recursive: true, force: true });
      renameSync(draft, target);
      return `Fashion-MNIST from ${name}, checked`;
    }
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return `Fashion-MNIST could not be fetched (neither Debian's ${PACKAGE} nor ${ADDRESS} was reachable): the console starts without the sample project`;
}

/** @param {string} folder */
function isWhole(folder) {
  return Object.entries(FILES).every(([name, digest]) => {
    const file = join(folder, name);
    return existsSync(file) && createHash("sha256").update(readFileSync(file)).digest("hex") === digest;
  });
}

/**
 * @param {string} draft
 * @param {NodeJS.ProcessEnv} env
 */
async function fromDebian(draft, env) {
  const run = (/** @type {string} */ tool, /** @type {string[]} */ ...args) =>
    succeeds(tool, args, draft, env);
  const download = () => run("apt-get", "download", PACKAGE);
  // A fresh container has no package lists, and only root may fetch them.
  const isRoot = process.getuid?.() === 0;
  if (!(await download()) && !(isRoot && (await run("apt-get", "update")) && (await download()))) return;
  const archive = readdirSync(draft).find((name) => name.endsWith(".deb"));
  if (!archive || !(await run("dpkg-deb", "-x", archive, "unpacked"))) return;
  for (const name of Object.keys(FILES)) {
    const file = join(draft, "unpacked/usr/share/datasets/fashion-mnist", name);
    if (existsSync(file)) copyFileSync(file, join(draft, name));
  }
}

/**
 * @param {string} tool
 * @param {string[]} args
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<boolean>}
 */
function succeeds(tool, args, cwd, env) {
  const child = spawn(tool, args, { cwd, env, stdio: "ignore", detached: true, timeout: DOWNLOAD_LIMIT_MS });
  return new Promise((resolve) => {
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}

/** @param {string} draft */
async function fromAddress(draft) {
  for (const name of Object.keys(FILES)) {
    try {
      const answer = await fetch(`${ADDRESS}/${name}`, { signal: AbortSignal.timeout(DOWNLOAD_LIMIT_MS) });
      if (!answer.ok) return;
      writeFileSync(join(draft, name), new Uint8Array(await answer.arrayBuffer()));
    } catch {
      return; // Unreachable; the caller says so.
    }
  }
}
