/** Bodies of the worker door: bounded in size, and in how many are worked on at once. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { ReadableStream as NodeStream } from "node:stream/web";
import type { z } from "zod";
import { locateBlob, registerBlob, storeStream } from "../../platform/blobs";
import { config } from "../../platform/config";
import type { Database } from "../../platform/db";
import { Invalid, Limit } from "../../platform/errors";
import { parsedJson } from "../../platform/http/route";
import { singleton } from "../../platform/singleton";
import type { Artifact } from "../contract";
import type { Owner } from "./owner";

/** Batches of metrics and logs worked on at once; more wait at the workers, who spool to disk. */
const MAX_INGESTS = 32;
const MAX_BODY_BYTES = 32 * 2 ** 20;
/** The arrays of a converted dataset (data.arrays of the worker: 8 GiB of samples) with their labels. */
const PREPARED_MAX_BYTES = 9 * 2 ** 30;

const gate = () => singleton("runs.ingests", () => ({ inFlight: 0 }));

/** Lets `work` in while there is room, before its body is read. @throws Limit (429 with Retry-After) otherwise */
export async function admitted<T>(work: () => Promise<T>): Promise<T> {
  const g = gate();
  if (g.inFlight >= MAX_INGESTS) {
    throw new Limit(`${MAX_INGESTS} batches are being stored already.`, {
      remedy: "Send it again in a second.",
    });
  }
  g.inFlight += 1;
  try {
    return await work();
  } finally {
    g.inFlight -= 1;
  }
}

/** The body as text: refused unread when it says that it is too large, and cut off where it does not say. @throws Invalid */
export async function textOf(request: Request): Promise<string> {
  const declared = request.headers.get("content-length");
  if (Number(declared) > MAX_BODY_BYTES) throw tooLarge(Number(declared));
  return declared === null ? (await buffer(limited(request))).toString("utf8") : request.text();
}

async function* limited(request: Request): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of bodyOf(request)) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw tooLarge(bytes);
    yield chunk;
  }
}

const tooLarge = (bytes: number) =>
  new Invalid(`A request of ${bytes} bytes is too large; at most ${MAX_BODY_BYTES} are read.`);

/** The JSON body, parsed by its shape. @throws Invalid naming the field */
export const report = async <T extends z.ZodType>(request: Request, shape: T): Promise<z.output<T>> =>
  parsedJson(await textOf(request), shape);

/** The body as it comes in; empty when there is none. */
export const bodyOf = (request: Request): Readable =>
  request.body ? Readable.fromWeb(request.body as NodeStream<Uint8Array>) : Readable.from([]);

/** A blob as a stream. @throws NotFound for another team's blob too */
export async function sendBlob(
  db: Database,
  owner: Pick<Owner, "teamId">,
  sha256: string,
): Promise<Response> {
  const { path, bytes } = await locateBlob(db, owner.teamId, sha256);
  const stream = Readable.toWeb(createReadStream(path, { highWaterMark: 1 << 20 }));
  return new Response(stream as ReadableStream<Uint8Array>, {
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(bytes),
      etag: `"${sha256}"`,
    },
  });
}

/** Stores the body under its digest; the same bytes again change nothing. @throws Invalid when it is another's */
export async function takeBlob(
  db: Database,
  owner: Owner,
  sha256: string,
  request: Request,
): Promise<z.infer<typeof Artifact>> {
  const maxBytes = Math.max(config().modelMaxBytes * 4, PREPARED_MAX_BYTES);
  const found = await storeStream(bodyOf(request), { expected: sha256, maxBytes });
  await registerBlob(db, owner.teamId, found);
  return found;
}
