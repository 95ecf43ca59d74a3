/** What a client sees of a gateway process that is killed under load and started again, with the database away. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startLoad } from "../../e2e/fixtures/load";
import { interruptWhenOwnerDies } from "../platform/supervise/watchdog.mjs";
import { freePorts } from "../platform/testing/ports";
import { deriveToken } from "../platform/tokens";
import { INFER, NO_DATABASE, TOKEN, writeGatewayFiles } from "./offline";
import { startReplica } from "./testing";

const SERVER_KEY = "k".repeat(40);
const DIGEST = "a".repeat(64);
const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** The product's own process. The answer ends it as the kernel would. */
async function startProcess(home: string, port: number): Promise<() => Promise<unknown>> {
  const child: ChildProcess = spawn(process.execPath, ["--import", "tsx", "server/processes/gateway.ts"], {
    env: {
      ...process.env,
      DATABASE_URL: NO_DATABASE,
      LATHE_HOME: home,
      LATHE_GATEWAY_PORT: String(port),
      LATHE_LOG_LEVEL: "silent",
    },
    stdio: "ignore",
  });
  const gone = once(child, "exit");
  if (child.pid) child.once("exit", interruptWhenOwnerDies(child.pid));
  const kill = () => {
    child.kill("SIGKILL");
    return gone;
  };
  ended.push(kill);
  return kill;
}

test("a gateway that is killed under load comes back with the table it had, and each request has one end", async () => {
  const home = await mkdtemp(join(tmpdir(), "lathe-killed-"));
  ended.push(() => rm(home, { recursive: true, force: true }));
  const replica = await startReplica(DIGEST, (id) => deriveToken("replica", id, SERVER_KEY));
  ended.push(() => replica.close());
  await mkdir(join(home, "secrets"));
  await writeFile(join(home, "secrets", "server.key"), SERVER_KEY);
  await writeGatewayFiles(join(home, "gateway"), { digest: DIGEST, replicas: [replica] });
  const port = await freePorts(1);

  const kill = await startProcess(home, port);
  const load = startLoad({
    url: `http://127.0.0.1:${port}/v2/models/garment/infer`,
    token: TOKEN,
    body: INFER,
    perSecond: 100,
    maxRequests: 12_000,
    maxSeconds: 120,
  });
  const answers = () => load.samples.filter(({ status }) => status === 200).length;
  await load.until(() => answers() >= 50);
  await kill();
  const isAway = ({ error }: (typeof load.samples)[number]) => error?.includes("ECONNREFUSED") ?? false;
  const killedAt = load.samples.length;
  await load.until((sample) => isAway(sample) && load.samples.indexOf(sample) >= killedAt);
  await startProcess(home, port);
  const before = answers();
  await load.until(() => answers() >= before + 50);

  const samples = await load.stop();
  // Whole answers, or a connection that says that there is none: never a part, never another's, never an error of ours.
  for (const { status, digest, error } of samples)
    expect(status === 200 ? digest : error).toMatch(
      status === 200 ? DIGEST : /ECONNREFUSED|ECONNRESET|socket hang up/,
    );
  // What broke off was under way when it was killed: nothing is asked twice on the client's behalf.
  expect(replica.asked).toBeGreaterThanOrEqual(answers());
  expect(replica.asked).toBeLessThanOrEqual(
    answers() + samples.filter((s) => !isAway(s) && s.status === 0).length,
  );
});
