/** Asking what serves from the console: the same gateway, the same protocol, a short-lived token. */
import { z } from "zod";
import { mintConsoleToken } from "../gateway/console-token";
import { laneName } from "../gateway/contract";
import { config, secret } from "../platform/config";
import type { TeamContext } from "../platform/context";
import { database, databaseTime } from "../platform/db";
import { Invalid, Unavailable } from "../platform/errors";
import type { AskModel } from "./contract";
import type { GivenTensor } from "./v2-contract";

/** Longer than a gateway holds a request for a model that sleeps. */
const ASK_MS = 40_000;
const MAX_ANSWER_BYTES = 16 << 20;
/** Of each output; a page that showed more would show nothing. */
const SHOWN_VALUES = 200;
const SHOWN_ROWS = 10;

const Outputs = z.object({
  outputs: z.array(
    z.object({
      name: z.string(),
      datatype: z.string(),
      shape: z.array(z.number().int()),
      data: z.array(z.union([z.number(), z.boolean(), z.string()])),
    }),
  ),
});
type Output = z.infer<typeof Outputs>["outputs"][number];
const Refused = z.object({ error: z.string() });

export interface GatewayAnswer {
  status: number;
  ms: number;
  headers: Headers;
  body: unknown;
}

/**
 * Asks the gateway for a lane of this team, under the name that it has there. Whatever its status, an answer is an answer.
 * @throws Unavailable when none comes, Invalid when it is too large for a page
 */
export async function askGateway(
  teamId: string,
  model: string,
  inputs: readonly GivenTensor[],
  answerMs = ASK_MS,
): Promise<GatewayAnswer> {
  const token = mintConsoleToken(teamId, secret("server.key"), Math.round(await databaseTime(database())));
  const began = performance.now();
  const signal = AbortSignal.timeout(answerMs);
  try {
    const answer = await fetch(`${config().gatewayUrl}/v2/models/${encodeURIComponent(model)}/infer`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
      },
      body: JSON.stringify({ inputs }),
      redirect: "error",
      signal,
    });
    const text = await readUpTo(answer, MAX_ANSWER_BYTES);
    const ms = performance.now() - began;
    return { status: answer.status, ms, headers: answer.headers, body: parsed(text) };
  } catch (cause) {
    if (cause instanceof Invalid) throw cause;
    throw signal.aborted
      ? new Unavailable(`The gateway did not answer within ${answerMs / 1000} s.`, {
          cause,
          remedy: "Ask from a program, which may wait longer.",
        })
      : new Unavailable("The gateway does not answer.", { cause, remedy: "Look whether its process runs." });
  }
}

async function readUpTo({ body }: Response, limit: number): Promise<string> {
  if (!body) return "";
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const reader = body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    bytes += part.value.length;
    if (bytes > limit) {
      await reader.cancel();
      throw new Invalid(`The answer has more than ${limit >> 20} MiB.`, {
        remedy: "Ask from a program, or for fewer samples.",
      });
    }
    parts.push(part.value);
  }
  return Buffer.concat(parts).toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** What a gateway says instead of outputs. */
export function refusalOf({ status, body }: GatewayAnswer): string {
  const said = Refused.safeParse(body);
  return said.success ? said.data.error : `The gateway answered ${status} and nothing that can be read.`;
}

/** One request from the API page, and what came of it: outputs, or the error as V2 has it. */
export async function askModel(ctx: TeamContext, { model, environment, inputs }: z.infer<typeof AskModel>) {
  const answer = await askGateway(ctx.teamId, laneName(model, environment), inputs);
  const said = answer.status === 200 ? Outputs.safeParse(answer.body) : null;
  const header = (name: string) => answer.headers.get(name);
  return {
    status: answer.status,
    ms: answer.ms,
    version: header("x-lathe-version"),
    digest: header("x-lathe-digest"),
    release: header("x-lathe-release"),
    requestId: header("x-request-id"),
    retryAfter: header("retry-after"),
    outputs: said?.success ? said.data.outputs.map(shown) : null,
    error: said?.success ? null : refusalOf(answer),
  };
}

/** An output as a page shows it: its first values, and of rows of scores where the largest stands. */
function shown({ data, ...output }: Output) {
  const columns = output.shape.at(-1) ?? 0;
  const isRows = output.shape.length === 2 && columns > 1;
  const numbers = data.filter((value) => typeof value === "number");
  const rows = isRows && numbers.length === data.length ? (output.shape[0] ?? 0) : 0;
  const largest = Array.from({ length: Math.min(rows, SHOWN_ROWS) }, (_, row) => {
    const scores = numbers.slice(row * columns, (row + 1) * columns);
    const value = Math.max(...scores);
    return { index: scores.indexOf(value), value };
  });
  return { ...output, values: data.slice(0, SHOWN_VALUES), total: data.length, largest };
}
