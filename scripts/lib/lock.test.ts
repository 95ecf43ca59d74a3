import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { statOf } from "../../server/platform/supervise/processes.mjs";
import { lockHome, ownerOf } from "./lock.mjs";
import { checkDatabaseAnswers, checkPorts } from "./preflight.mjs";
import { readSettings } from "./settings.mjs";
import { digestOf, onceFor } from "./stamp.mjs";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "lathe-lock-"));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe("one owner of a home folder", () => {
  test("a live owner is named and keeps the folder", () => {
    const unlock = lockHome(home);
    expect(() => lockHome(home)).toThrow(`Another Lathe (pid ${process.pid})`);
    unlock();
    expect(ownerOf(home)).toBeNull();
    lockHome(home)();
  });

  test("a pid that now belongs to somebody else does not hold the folder", () => {
    writeFileSync(join(home, "lock"), JSON.stringify({ pid: process.pid, startTime: "1" }));
    lockHome(home)();
  });

  test("of many that start at once on a dead owner's folder, exactly one gets it", async () => {
    writeFileSync(join(home, "lock"), JSON.stringify({ pid: 1, startTime: "never" }));
    const script = `
      import { lockHome } from "${join(process.cwd(), "scripts/lib/lock.mjs")}";
      try { lockHome(${JSON.stringify(home)}); console.log("mine"); } catch { console.log("refused"); }
      process.stdin.resume().on("end", () => process.exit(0));`;
    const starters = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["pipe", "pipe", "inherit"] }),
    );
    const answers = await Promise.all(
      starters.map(async ({ stdout }) => String((await once(stdout, "data"))[0]).trim()),
    );
    for (const { stdin } of starters) stdin.end();
    expect(answers.filter((answer) => answer === "mine")).toHaveLength(1);
  });
});

describe("what is wrong is one sentence with the remedy", () => {
  test.each([
    [{ LATHE_PORT: "80" }, 'LATHE_PORT is "80"; set it to a port from 1024 to 65535.'],
    [{ LATHE_PORT: "seven" }, 'LATHE_PORT is "seven"'],
    [{ LATHE_PORT: "7401" }, "LATHE_PORT and LATHE_GATEWAY_PORT are both 7401"],
    [
      { LATHE_AGENT_METRICS_PORT: "7402" },
      "LATHE_CONTROLLER_PORT and LATHE_AGENT_METRICS_PORT are both 7402",
    ],
    [{ LATHE_GATEWAY_PORT: "7412" }, "lies in Ray's ports 7410 to 7415"],
    [{ LATHE_RAY_PORT: "65535" }, "from 1024 to 65530"],
    [{ LATHE_CLUSTER: "remote" }, 'LATHE_CLUSTER is "remote"'],
    [
      { DATABASE_URL: "mysql://me:secret@host/db" },
      "DATABASE_URL is not an address that starts with postgres://",
    ],
  ])("%o", (environment, sentence) => {
    const asked = { NODE_ENV: "test", ...environment } as const;
    expect(() => readSettings(asked)).toThrow(sentence);
    expect(() => readSettings(asked)).not.toThrow("secret");
  });

  test("a taken port names who holds it", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const settings = { ...readSettings({ NODE_ENV: "test" }), port };
    await expect(checkPorts(settings)).rejects.toThrow(`Port ${port} is taken by pid ${process.pid}`);
    server.close();
  });

  test("a database that does not answer", async () => {
    await expect(checkDatabaseAnswers("postgres://me:secret@127.0.0.1:1/db")).rejects.toThrow(
      "DATABASE_URL: nothing answers at 127.0.0.1:1 (ECONNREFUSED)",
    );
    await expect(checkDatabaseAnswers(`postgres://me@/db?host=${home}`)).rejects.toThrow("ENOENT");
  });
});

describe("work that is done once", () => {
  test("is done again when its sources change or when it was cut off, and not otherwise", async () => {
    const source = join(home, "source");
    const stamp = join(home, "stamp");
    let runs = 0;
    const work = () => onceFor(stamp, digestOf([source]), async () => void runs++);
    writeFileSync(source, "one");
    expect([await work(), await work()]).toEqual([true, false]);
    writeFileSync(source, "two");
    await expect(
      onceFor(stamp, digestOf([source]), async () => {
        throw new Error("cut off");
      }),
    ).rejects.toThrow();
    expect([await work(), await work(), runs]).toEqual([true, false, 2]);
  });
});

test("a process is named by its pid and its start", () => {
  expect(statOf(process.pid)?.parent).toBe(process.ppid);
  expect(statOf(2 ** 30)).toBeNull();
});
