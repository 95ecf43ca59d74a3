/**
 * The tracking door's manner: Bearer tokens of attempts in, JSON out, and refusals in MLflow's words. Clients repeat
 * 408, 429 and 5xx for minutes, so nothing that a script did wrong may answer with one of those.
 */
import { z } from "zod";
import { type Database, database } from "../../platform/db";
import { type AppError, asAppError, Invalid, NotFound, sqlState } from "../../platform/errors";
import type { DeclaredRoute } from "../../platform/http/route";
import { newId } from "../../platform/ids";
import { log } from "../../platform/log";
import { textOf } from "../door/http";
import { type AttemptOwner, attemptOf } from "../door/owner";

/** Who asks: an attempt that lives. Its run is its only experiment. */
export interface Caller {
  db: Database;
  owner: AttemptOwner;
}

const CODES: Record<AppError["kind"], string> = {
  invalid: "INVALID_PARAMETER_VALUE",
  unauthenticated: "UNAUTHENTICATED",
  forbidden: "PERMISSION_DENIED",
  not_found: "RESOURCE_DOES_NOT_EXIST",
  conflict: "RESOURCE_CONFLICT",
  limit: "REQUEST_LIMIT_EXCEEDED",
  unavailable: "TEMPORARILY_UNAVAILABLE",
  internal: "INTERNAL_ERROR",
};
const IS_CODE = /^[A-Z_]+$/;

/** @throws NotFound as clients know it: their fall-backs key on the code */
export const noEndpoint = (method: string, path: string) =>
  new NotFound(`This console has no endpoint ${method} ${path} for MLflow clients.`, {
    code: "ENDPOINT_NOT_FOUND",
  });

/**
 * A route of the tracking door: the attempt behind the token is found before anything else is looked at.
 *
 * @param prefix what its address starts with; `path` is what follows, undecoded
 */
export function trackingRoute(
  prefix: string,
  answer: (caller: Caller, request: Request, path: string) => Promise<Response>,
): DeclaredRoute<Record<string, string | string[]>> {
  const declared = async (request: Request): Promise<Response> => {
    const requestId = newId("req");
    try {
      const db = database();
      const owner = await attemptOf(db, request);
      const { pathname } = new URL(request.url);
      return await answer({ db, owner }, request, pathname.slice(prefix.length).replace(/^\/|\/$/g, ""));
    } catch (thrown) {
      return refusal(thrown, requestId);
    }
  };
  return Object.assign(declared, { access: "worker" as const });
}

function refusal(thrown: unknown, requestId: string): Response {
  const error = unstorable(thrown) ?? asAppError(thrown);
  if (error.kind === "internal") log().error({ err: thrown, requestId }, "the tracking door failed");
  const said = [
    error.message,
    error.details.remedy,
    error.kind === "internal" ? `Request ${requestId}.` : undefined,
  ];
  return Response.json(
    {
      error_code: IS_CODE.test(error.code) ? error.code : CODES[error.kind],
      message: said.filter(Boolean).join(" "),
    },
    { status: error.status, headers: error.kind === "limit" ? { "retry-after": "1" } : {} },
  );
}

/** Postgres holds no NUL in a text (22021) or in JSON (22P05); wherever one was sent, that is the sender's fault. */
const unstorable = (thrown: unknown): AppError | null =>
  ["22021", "22P05"].includes(sqlState(thrown) ?? "")
    ? new Invalid("The request holds a NUL character, which can't be stored.")
    : null;

/** What a request asks with: its query, or its JSON body. @throws Invalid */
export async function asked(request: Request): Promise<Record<string, unknown>> {
  if (request.method === "GET") {
    const { searchParams } = new URL(request.url);
    return Object.fromEntries(
      [...new Set(searchParams.keys())].map((key) => {
        const values = searchParams.getAll(key);
        return [key, values.length === 1 ? values[0] : values];
      }),
    );
  }
  const text = await textOf(request);
  if (text === "") return {};
  let json: unknown;
  try {
    // Null means unset, at every depth. Looking for it makes parsing five times as slow, so only where it may be.
    json = text.includes("null") ? JSON.parse(text, withoutNull) : JSON.parse(text);
  } catch (cause) {
    throw new Invalid("The body is not JSON.", { cause });
  }
  const parsed = z.record(z.string(), z.unknown()).safeParse(json);
  if (!parsed.success) throw new Invalid("The body must be a JSON object.");
  return parsed.data;
}

const withoutNull = (_key: string, value: unknown): unknown => (value === null ? undefined : value);

/** @throws Invalid in MLflow's words, naming the parameter */
export function parsed<T extends z.ZodType>(shape: T, given: unknown): z.output<T> {
  const result = shape.safeParse(given);
  if (result.success) return result.data;
  const path = result.error.issues[0]?.path ?? [];
  const name = path.join(".");
  const value = path.reduce<unknown>(
    (at, key) => (typeof at === "object" && at !== null ? Reflect.get(at, key) : undefined),
    given,
  );
  if (value === undefined) {
    throw new Invalid(
      `Missing value for required parameter '${name}'. See the API docs for more information about request parameters.`,
    );
  }
  throw new Invalid(
    `Invalid value ${shown(value)} for parameter '${name}' supplied. See the API docs for more information about request parameters.`,
  );
}

const shown = (value: unknown): string =>
  (typeof value === "number" ? String(value) : JSON.stringify(value)).slice(0, 200);

/** @throws Invalid for an address that is not UTF-8 */
export function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new Invalid(`Invalid path: ${path.slice(0, 200)}`, { cause });
  }
}
