import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { LineLog } from "./line-log";
import { isAlive } from "./processes.mjs";

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 30_000;
/** A child that ran this long is healthy: its next restart waits the shortest time again. */
const HEALTHY_MS = 60_000;

/** What to run, and where what it says goes. */
export interface ChildSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Its output is appended to `<logs>/<name>.log`. */
  readonly logs: string;
  /** Sees each line that it writes. */
  readonly onLine: (name: string, line: string) => void;
  /** Sees what happens to it, in words. */
  readonly onState: (name: string, text: string) => void;
}

/** How long to wait before restart number `failures` (counted from 1), in ms: doubling, up to 30 s. */
export function restartDelay(failures: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
}

/**
 * A process that is kept running until it is stopped. It leads a session of its own, so that Ctrl-C in the
 * terminal reaches only the supervisor, which then stops everything in order.
 */
export class SupervisedChild {
  #process: ChildProcess | undefined;
  #isWanted = true;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #log: LineLog;

  constructor(private readonly spec: ChildSpec) {
    const { name, logs, onState } = spec;
    this.#log = new LineLog(join(logs, `${name}.log`), (text) => onState(name, text));
    this.#start();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  #start(): void {
    const { name, command, args, env, onState } = this.spec;
    const since = Date.now();
    const child = spawn(command, args, {
      env: { ...env, LATHE_PROCESS: name },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#process = child;
    this.#log.write(`--- ${new Date(since).toISOString()} started as pid ${child.pid ?? "none"}`);
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        this.#log.write(line);
        this.spec.onLine(name, line);
      });
    }
    let hasEnded = false;
    const ended = (how: string) => {
      if (hasEnded || !this.#isWanted) return;
      hasEnded = true;
      this.#failures = Date.now() - since > HEALTHY_MS ? 1 : this.#failures + 1;
      const delay = restartDelay(this.#failures);
      onState(name, `${how}; starting again in ${delay / 1000} s (log: ${this.#log.path})`);
      this.#timer = setTimeout(() => this.#start(), delay);
    };
    child.once("error", (error) => ended(`could not be started (${error.message})`));
    child.once("exit", (code, signal) => ended(signal ? `was killed by ${signal}` : `ended with ${code}`));
  }

  /** Asks it to end, and kills it after `grace` ms. Resolves when its process is gone. */
  async stop(grace: number): Promise<void> {
    this.#isWanted = false;
    clearTimeout(this.#timer);
    const child = this.#process;
    if (child?.pid !== undefined && isAlive(child.pid)) {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), grace);
      await gone;
      clearTimeout(timer);
    }
    this.#log.close();
  }
}
