/** Replicas for tests: real HTTP servers that answer as a replica does, and say which one they are. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from "node:http";
import { newId } from "../platform/ids";

export interface FakeReplica {
  id: string;
  address: string;
  digest: string;
  /** Requests that reached it, and those whose client left before the answer. */
  asked: number;
  aborted: number;
  /** The scores it answers. */
  scores: number[];
  /** Of the request that came last. */
  headers: IncomingHttpHeaders;
  /** The JSON of the request that came last, without the binary data behind it. */
  json: unknown;
  /** Sent with every answer. */
  tells: Record<string, string>;
  /** Connections end where an answer was due, as when the process is killed. */
  breaks: boolean;
  /** Answers wait while this holds. */
  hold: Promise<void> | null;
  close(): Promise<void>;
}

/** The token a test gateway sends to a replica. */
export const testReplicaToken = (id: string): string => `token-of-${id}`;

/** @param tokenOf the token that it takes, by its id */
export async function startReplica(digest: string, tokenOf = testReplicaToken): Promise<FakeReplica> {
  const id = newId("rpl");
  const replica: FakeReplica = {
    id,
    address: "",
    digest,
    asked: 0,
    aborted: 0,
    scores: [0, 1],
    headers: {},
    json: null,
    tells: {},
    breaks: false,
    hold: null,
    close: () => closeServer(server),
  };
  const server = createServer(async (request, response) => {
    replica.asked += 1;
    replica.headers = request.headers;
    response.on("close", () => {
      if (!response.writableFinished) replica.aborted += 1;
    });
    const say = (status: number, body: unknown) => {
      const text = JSON.stringify(body);
      response.writeHead(status, {
        ...replica.tells,
        "content-type": "application/json",
        "content-length": Buffer.byteLength(text),
      });
      response.end(text);
    };
    if (request.headers.authorization !== `Bearer ${tokenOf(id)}`) return say(401, { error: "not mine" });
    if (replica.breaks) return request.socket.destroy();
    if (request.method === "GET") return say(200, { name: "m", ready: true, path: request.url });
    const body = await read(request);
    await replica.hold;
    try {
      const jsonBytes = Number(request.headers["inference-header-content-length"] ?? body.length);
      replica.json = JSON.parse(body.subarray(0, jsonBytes).toString());
    } catch {
      return say(400, { error: "The body is not JSON." });
    }
    say(200, {
      model_name: "m",
      model_version: "1",
      outputs: [{ name: "logits", datatype: "FP32", shape: [1, 2], data: replica.scores }],
      digest,
      bytes: body.length,
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the replica has no port");
  replica.address = `http://127.0.0.1:${address.port}`;
  return replica;
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const closeServer = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
