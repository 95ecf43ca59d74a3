/** One try of one delivery: a POST to the address that was looked at, bounded in time and in what is read of the answer. */
import { request as overHttp } from "node:http";
import { request as overHttps } from "node:https";
import type { BlockList } from "node:net";
import { asAppError } from "../platform/errors";
import { resolveTarget } from "./address";
import { signedHeaders } from "./sign";

const ANSWER_MS = 10_000;
/** More of an answer is not waited for. */
const ANSWER_BYTES = 16_384;

export interface Message {
  id: string;
  url: string;
  secret: string;
  body: string;
}
export interface Tried {
  isDelivered: boolean;
  status: number | null;
  /** In words; null when it was delivered. */
  error: string | null;
  ms: number;
}

/** Never throws: whatever goes wrong is told in `error`. */
export async function send(message: Message, allowed: BlockList, now = Date.now): Promise<Tried> {
  const started = now();
  try {
    const status = await post(message, allowed, Math.floor(started / 1000));
    return { ...judged(status), status, ms: now() - started };
  } catch (thrown) {
    const { kind, message: words } = asAppError(thrown);
    const error = kind === "internal" && thrown instanceof Error ? thrown.message : words;
    return { isDelivered: false, status: null, error, ms: now() - started };
  }
}

function judged(status: number): Pick<Tried, "isDelivered" | "error"> {
  if (status >= 200 && status < 300) return { isDelivered: true, error: null };
  // Following it would go somewhere that nobody entered.
  if (status >= 300 && status < 400)
    return { isDelivered: false, error: `It redirects (${status}); enter the address that it leads to.` };
  return { isDelivered: false, error: `It answered ${status}.` };
}

async function post(message: Message, allowed: BlockList, at: number): Promise<number> {
  const target = await resolveTarget(message.url, allowed);
  const { address, family } = target.at;
  const request = target.url.protocol === "https:" ? overHttps : overHttp;
  return new Promise((resolve, reject) => {
    const call = request(
      target.url,
      {
        method: "POST",
        agent: false,
        signal: AbortSignal.timeout(ANSWER_MS),
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(message.body),
          "user-agent": "lathe-webhooks/1",
          ...signedHeaders(message.secret, message.id, at, message.body),
        },
        lookup: (_host, options, done) =>
          options.all ? done(null, [{ address, family }]) : done(null, address, family),
      },
      (answer) => {
        let read = 0;
        const end = () => {
          resolve(answer.statusCode ?? 0);
          answer.destroy();
        };
        answer.on("data", (chunk: Buffer) => {
          read += chunk.length;
          if (read > ANSWER_BYTES) end();
        });
        answer.on("end", end);
        answer.on("error", reject);
      },
    );
    call.on("error", (error) =>
      reject(
        error.name === "AbortError" || error.name === "TimeoutError"
          ? new Error(`No answer in ${ANSWER_MS / 1000} s.`)
          : error,
      ),
    );
    call.end(message.body);
  });
}
