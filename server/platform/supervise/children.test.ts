import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { restartDelay, SupervisedChild } from "./children";
import { LineLog } from "./line-log";
import { isAlive } from "./processes.mjs";
import { isWorthALook } from "./terminal";
import { INSTANCE_VARIABLE, sweep, sweepWhenOwnerDies } from "./watchdog.mjs";

let folder: string;
let instance: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lathe-children-"));
  instance = `test-${process.pid}-${folder.slice(-6)}`;
});
afterEach(async () => {
  await sweep(instance);
  rmSync(folder, { recursive: true, force: true });
});

const environment = () => ({ ...process.env, [INSTANCE_VARIABLE]: instance });

/** Starts a process that starts another in a session of its own, and tells the pids of both. */
async function startFamily(env: NodeJS.ProcessEnv): Promise<number[]> {
  const script = "setsid sleep 600 & echo $$ $!; sleep 600";
  const parent = spawn("sh", ["-c", script], { env, detached: true, stdio: ["ignore", "pipe", "ignore"] });
  const [line] = await once(parent.stdout, "data");
  return String(line).trim().split(" ").map(Number);
}

test("a sweep ends every session of its instance and nobody else's", async () => {
  const ours = await startFamily(environment());
  const strangers = await startFamily({ ...process.env, [INSTANCE_VARIABLE]: `${instance}-other` });
  expect(await sweep(instance)).toBe(true);
  expect(ours.filter((pid) => isAlive(pid))).toEqual([]);
  expect(strangers.filter((pid) => isAlive(pid))).toEqual(strangers);
  await sweep(`${instance}-other`);
});

test("a sweep reaches a process of a marked session that carries no marker itself", async () => {
  const script = `env -u ${INSTANCE_VARIABLE} sleep 600 & echo $!; wait`;
  const leader = spawn("sh", ["-c", script], {
    env: environment(),
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [line] = await once(leader.stdout, "data");
  const pid = Number(String(line));
  expect(isAlive(pid)).toBe(true);
  await sweep(instance);
  expect(isAlive(pid)).toBe(false);
});

test("kill -9 of the owner ends everything that it started", async () => {
  const script = `
    import { spawn } from "node:child_process";
    import { sweepWhenOwnerDies } from "${join(process.cwd(), "server/platform/supervise/watchdog.mjs")}";
    sweepWhenOwnerDies("${instance}");
    const child = spawn("sleep", ["600"], { detached: true, stdio: "ignore", env: { ...process.env, ${INSTANCE_VARIABLE}: "${instance}" } });
    console.log(child.pid);
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(owner.stdout, "data");
  const pid = Number(String(line));
  expect(isAlive(pid)).toBe(true);
  owner.kill("SIGKILL");
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5_000, interval: 10 });
});

test("a watchdog that was called off touches nothing", async () => {
  const ours = await startFamily(environment());
  sweepWhenOwnerDies(instance)();
  expect(ours.filter((pid) => isAlive(pid))).toEqual(ours);
});

function child(script: string, onState: (name: string, text: string) => void = () => {}) {
  return new SupervisedChild({
    name: "example",
    command: "sh",
    args: ["-c", script],
    env: environment(),
    logs: folder,
    onLine: () => {},
    onState,
  });
}

test("a child that ends is started again, and its log tells of both", async () => {
  const states: string[] = [];
  const example = child("echo hello; exit 3", (_, text) => states.push(text));
  const log = () => readFileSync(join(folder, "example.log"), "utf8");
  // Its end is told after its last line: only both together show that it was started twice and ended twice.
  await vi.waitFor(
    () => {
      expect(log().match(/hello/g)?.length).toBeGreaterThanOrEqual(2);
      expect(states.length).toBeGreaterThanOrEqual(2);
    },
    { timeout: 5_000 },
  );
  await example.stop(1_000);
  expect(states[0]).toMatch(/^ended with 3; starting again in 0.5 s/);
  expect(states[1]).toMatch(/in 1 s/);
});

test("a full disk costs lines of a log, is told once, and ends nobody", () => {
  const told: string[] = [];
  const log = new LineLog("/dev/full", (text) => told.push(text));
  for (const line of ["one", "two", "three"]) log.write(line);
  log.close();
  log.write("after all");
  expect(told).toEqual([expect.stringMatching(/^lines of \/dev\/full are lost \(.*ENOSPC/)]);
});

test("a child that ignores being asked is killed, and not started again", async () => {
  const example = child("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  await vi.waitFor(() => expect(readFileSync(join(folder, "example.log"), "utf8")).toContain("ready"), {
    timeout: 5_000,
  });
  const pid = example.pid ?? 0;
  await example.stop(50);
  expect(isAlive(pid)).toBe(false);
});

test("restarts wait longer and longer, up to half a minute", () => {
  expect([1, 2, 3, 10].map(restartDelay)).toEqual([500, 1_000, 2_000, 30_000]);
});

test.each([
  ['{"level":30,"msg":"error budget is fine"}', false],
  ['{"level":50,"msg":"it broke"}', true],
  ["2026-11-23 WARNING the disk is slow", true],
  ["✓ Ready in 300ms", false],
  ["{not json, an Error all the same}", true],
])("%s is worth a look: %s", (line, expected) => {
  expect(isWorthALook(line)).toBe(expected);
});
