/** The warm process behind a session, spoken to directly with a token derived from its id. */
import { z } from "zod";
import { AppError, Unavailable } from "../platform/errors";
import { deriveToken } from "../platform/tokens";
import { type EvaluateRequest, type SolveRequest, StudioBaseline, StudioPartial } from "./session-contract";

interface Place {
  id: string;
  address: string;
}

const ASK_MS = 10_000;
const Refused = z.object({ error: z.string() });

async function ask(place: Place, path: string, init: RequestInit): Promise<Response> {
  const headers = {
    authorization: `Bearer ${deriveToken("session", place.id)}`,
    "content-type": "application/json",
  };
  let response: Response;
  try {
    response = await fetch(new URL(path, place.address), { ...init, headers });
  } catch (cause) {
    if (init.signal?.aborted && !(cause instanceof AppError)) throw cause;
    throw gone("The session's process can't be reached.", cause);
  }
  if (response.ok) return response;
  const refused = Refused.safeParse(await response.json().catch(() => null));
  throw new Unavailable(refused.success ? refused.data.error : `The session answered ${response.status}.`, {
    code: "session_refused",
  });
}

const gone = (what: string, cause: unknown) =>
  new Unavailable(what, {
    code: "session_unreachable",
    cause,
    remedy: "The cluster starts it again by itself; this usually takes some seconds.",
  });

/** @throws Unavailable */
export async function baseline(place: Place): Promise<StudioBaseline> {
  const response = await ask(place, "/baseline", { signal: AbortSignal.timeout(ASK_MS) });
  return StudioBaseline.parse(await response.json());
}

/** A test or train sample as a PNG, base64; null where samples are no pictures. @throws Unavailable */
export async function sample(place: Place, id: number): Promise<string | null> {
  const response = await ask(place, `/sample/${id}`, { signal: AbortSignal.timeout(ASK_MS) });
  if (response.status === 204) return null;
  return Buffer.from(await response.arrayBuffer()).toString("base64");
}

/** The lines of one evaluation, as they arrive. Aborting the signal ends the work in the session too. */
export const evaluate = (place: Place, { rev, settings }: EvaluateRequest, signal: AbortSignal) =>
  lines(place, "/evaluate", { rev, settings }, signal);

/** The lines of one search for a target, and of the measurement of what it settled on. */
export const solve = (place: Place, { rev, target, settings }: SolveRequest, signal: AbortSignal) =>
  lines(place, "/solve", { rev, target, settings }, signal);

async function* lines(
  place: Place,
  path: string,
  body: EvaluateRequest | SolveRequest,
  signal: AbortSignal,
): AsyncGenerator<StudioPartial> {
  const response = await ask(place, path, { method: "POST", body: JSON.stringify(body), signal });
  if (!response.body) throw new Unavailable("The session answered nothing.");
  for await (const line of splitLines(chunksOf(response.body, signal)))
    yield StudioPartial.parse(JSON.parse(line));
}

async function* chunksOf(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  const read = () =>
    reader.read().catch((cause: unknown) => {
      throw signal.aborted ? cause : gone("The session's process ended while it measured.", cause);
    });
  try {
    for (let part = await read(); !part.done; part = await read()) yield part.value;
  } finally {
    // One that broke can't be cancelled any more.
    await reader.cancel().catch(() => undefined);
  }
}

/** Complete lines of a byte stream; what is left without its line end when the stream ends is not one. */
export async function* splitLines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part) yield part;
  }
}
