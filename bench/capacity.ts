/**
 * What one core of a gateway answers a second: a gateway alone on a core, and on others the clients with a stand-in for
 * its replicas, so that it is the gateway that is measured. Both speak HTTP in prepared bytes, as cheaply as sockets
 * allow; how much they can take without a gateway between them is measured beside it.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { INFER, TOKEN } from "../server/gateway/offline";
import { type Figure, figure } from "./result";

const CONNECTIONS = 16;
const ROUNDS = 5;
const ROUND_MS = 2000;
const GATEWAY_CORE = "0";
const OTHER_CORES = "1-1023";
const ALL_CORES = "0-1023";
const HEAD_END = "\r\n\r\n";

export async function requestsPerSecond(): Promise<Figure> {
  const replica = await standIn();
  const gateway = await startAlone(replica.port);
  const isPinned = [pin(gateway.pid, GATEWAY_CORE), pin(process.pid, OTHER_CORES)].every(Boolean);
  const perSecond: number[] = [];
  const cores: number[] = [];
  let withoutGateway: number;
  try {
    await load(gateway.port, ROUND_MS);
    for (let round = 0; round < ROUNDS; round += 1) {
      const [began, before] = [performance.now(), await gateway.cpuSeconds()];
      perSecond.push(await load(gateway.port, ROUND_MS));
      cores.push(((await gateway.cpuSeconds()) - before) / ((performance.now() - began) / 1000));
    }
    withoutGateway = await load(replica.port, ROUND_MS);
  } finally {
    pin(process.pid, ALL_CORES);
    await gateway.stop();
    replica.server.close();
  }
  return figure(perSecond, "requests/s", {
    connections: CONNECTIONS,
    bodyBytes: INFER.length,
    isPinned,
    gatewayCores: figure(cores, "cores"),
    perCoreSecond: figure(
      perSecond.map((rate, round) => rate / (cores[round] ?? 1)),
      "requests",
    ),
    withoutGateway,
    limitedBy: "the gateway's core where gatewayCores is near 1; below it, what else ran on that core",
  });
}

/** Whether a process runs on these cores only from now on; false where there is no `taskset`. */
const pin = (pid: number, list: string): boolean =>
  spawnSync("taskset", ["-a", "-c", "-p", list, String(pid)]).status === 0;

async function startAlone(replicaPort: number) {
  const child = spawn(
    "node",
    ["--import", "tsx", "bench/gateway-alone.ts", `http://127.0.0.1:${replicaPort}`],
    {
      env: { ...process.env, NODE_ENV: "production", LATHE_LOG_LEVEL: "silent" },
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  const lines = createInterface({ input: child.stdout });
  const said = async (): Promise<string> => String((await once(lines, "line"))[0]);
  const url = new URL(await said());
  return {
    pid: child.pid ?? 0,
    port: Number(url.port),
    async cpuSeconds() {
      child.stdin.write("\n");
      return Number(await said());
    },
    async stop() {
      const ended = once(child, "exit");
      child.stdin.end();
      await ended;
    },
  };
}

/** Calls back with each whole message that comes; every one of them has a length. */
function onMessage(socket: Socket, take: (message: string) => void): void {
  let text = "";
  socket.setNoDelay(true).setEncoding("latin1");
  socket.on("data", (part: string) => {
    text += part;
    const headEnd = text.indexOf(HEAD_END);
    if (headEnd === -1) return;
    const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
    if (text.length < headEnd + HEAD_END.length + length) return;
    const message = text;
    text = "";
    take(message);
  });
  socket.on("error", () => {});
}

async function standIn(): Promise<{ server: Server; port: number }> {
  const body = '{"model_name":"garment","outputs":[{"name":"y","datatype":"FP32","shape":[1],"data":[1]}]}';
  const answer = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}${HEAD_END}${body}`;
  const server = createServer((socket) => onMessage(socket, () => socket.write(answer)));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the stand-in has no port");
  return { server, port: address.port };
}

/** Requests answered a second by all connections, each of which sends its next when it has its answer. */
async function load(port: number, ms: number): Promise<number> {
  const head = [
    "POST /v2/models/garment/infer HTTP/1.1",
    `host: 127.0.0.1:${port}`,
    `authorization: Bearer ${TOKEN}`,
    "content-type: application/json",
    `content-length: ${INFER.length}`,
  ].join("\r\n");
  const request = `${head}${HEAD_END}${INFER}`;
  const began = performance.now();
  let answered = 0;
  const connection = () =>
    new Promise<void>((done, fail) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(request));
      onMessage(socket, (answer) => {
        if (!answer.startsWith("HTTP/1.1 200")) return fail(new Error(`the gateway answered ${answer}`));
        answered += 1;
        if (performance.now() - began < ms) return socket.write(request);
        socket.end();
        done();
      });
      socket.once("close", () => fail(new Error("the gateway ended a connection")));
    });
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  return (answered * 1000) / (performance.now() - began);
}
