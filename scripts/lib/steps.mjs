// @ts-check
import { spawn } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { Refusal } from "./refusal.mjs";

/**
 * @typedef {object} Step a step that runs; what it says is shown beside its name
 * @property {(text: string) => void} says
 */

const QUIET_INTERVAL_MS = 10_000;

/** Shows steps as they run: a moving line on a terminal, a line every ten seconds elsewhere. */
export class Steps {
  /** @type {Map<string, { since: number, text: string, shown: number }>} */
  #running = new Map();
  #isTerminal = process.stdout.isTTY === true;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  /**
   * Runs one step and prints its line when it ends. Steps may run side by side.
   * @template T
   * @param {string} name
   * @param {(step: Step) => Promise<T>} work what it answers may be a string, which is printed beside the name
   * @returns {Promise<T>}
   */
  async run(name, work) {
    const state = { since: performance.now(), text: "", shown: performance.now() };
    this.#running.set(name, state);
    this.#timer ??= setInterval(() => this.#draw(), this.#isTerminal ? 150 : 1_000);
    try {
      const result = await work({
        says: (text) => {
          state.text = text;
        },
      });
      this.#end(name, "✓", typeof result === "string" ? result : "", state.since);
      return result;
    } catch (error) {
      this.#end(name, "✗", "", state.since);
      throw error;
    }
  }

  /**
   * @param {string} name
   * @param {string} mark
   * @param {string} text
   * @param {number} since
   */
  #end(name, mark, text, since) {
    this.#running.delete(name);
    if (this.#isTerminal) process.stdout.write("\r\x1b[K");
    console.log(`${mark} ${name.padEnd(18)} ${seconds(since).padStart(7)}  ${text}`.trimEnd());
    if (this.#running.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #draw() {
    const now = performance.now();
    if (this.#isTerminal) {
      const parts = [...this.#running].map(([name, { since, text }]) =>
        `${name} ${seconds(since)} ${text}`.trim(),
      );
      process.stdout.write(`\r\x1b[K  ${parts.join(" · ").slice(0, (process.stdout.columns ?? 80) - 3)}`);
      return;
    }
    for (const [name, state] of this.#running) {
      if (now - state.shown < QUIET_INTERVAL_MS) continue;
      state.shown = now;
      console.log(`· ${name.padEnd(18)} ${seconds(state.since).padStart(7)}  ${state.text}`.trimEnd());
    }
  }
}

/** @param {number} since */
const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/**
 * Runs a command of a step; its output goes to a log file.
 * @param {string} command
 * @param {string[]} args
 * @param {object} options
 * @param {string} options.log where the output goes; started anew
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {string} [options.cwd]
 * @param {(line: string) => void} [options.onLine] sees each line of the output
 * @param {string} options.remedy how to mend it when it fails, for the sentence that says so
 * @returns {Promise<void>}
 * @throws {Refusal} with the end of the output when it fails
 */
export async function command(command, args, { log, env, cwd, onLine, remedy }) {
  writeFileSync(log, `$ ${[command, ...args].join(" ")}\n`);
  const child = spawn(command, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
  /** @type {string[]} */
  const tail = [];
  for (const stream of [child.stdout, child.stderr]) {
    let rest = "";
    stream.setEncoding("utf8").on("data", (/** @type {string} */ chunk) => {
      appendFileSync(log, chunk);
      const lines = (rest + chunk).split(/\r?\n|\r/);
      rest = lines.pop() ?? "";
      for (const line of lines.filter((text) => text.trim())) {
        onLine?.(line);
        if (tail.push(line) > 8) tail.shift();
      }
    });
  }
  const code = await new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (exit, signal) => resolve(exit ?? signal));
  });
  if (code === 0) return;
  throw new Refusal(
    `"${command} ${args.slice(0, 2).join(" ")}" ended with ${code}; ${remedy}. Its output is in ${log} and ends:\n${tail.map((line) => `    ${line}`).join("\n")}`,
  );
}
