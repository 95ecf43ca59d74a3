/**
 * Route handlers for machines and uploads. `route` declares who may call it; the permission matrix test walks
 * `app/api` and fails on a handler that was not made here.
 */
import { z } from "zod";
import { type AppError, asAppError, Invalid } from "../errors";
import { newId } from "../ids";
import { log } from "../log";
import type { Permission } from "../permissions";

/** `one_time_token`: it is in the body. `scraper`: who reads metrics. `worker`: an attempt's, session's or replica's token. `agent`: a cluster's. A permission: a signed-in member. */
export type RouteAccess =
  | "public"
  | "one_time_token"
  | "worker"
  | "agent"
  | "scraper"
  | "signed_in"
  | Permission;

export interface RouteRequest<Params> {
  request: Request;
  params: Params;
  requestId: string;
}
type Params = Record<string, string | string[]>;
type Handler<P extends Params> = (r: RouteRequest<P>) => Promise<Response>;
export interface DeclaredRoute<P extends Params> {
  (request: Request, context: { params: Promise<P> }): Promise<Response>;
  access: RouteAccess;
}

/** Wraps a handler: request id, one error map, causes logged and not shown. */
export function route<P extends Params = Record<never, never>>(
  access: RouteAccess,
  handler: Handler<P>,
): DeclaredRoute<P> {
  const declared = async (request: Request, context: { params: Promise<P> }): Promise<Response> => {
    const requestId = newId("req");
    try {
      return await handler({ request, params: await context.params, requestId });
    } catch (thrown) {
      return errorResponse(thrown, requestId);
    }
  };
  return Object.assign(declared, { access });
}

export function errorResponse(thrown: unknown, requestId: string): Response {
  const error = thrown instanceof z.ZodError ? fromZod(thrown) : asAppError(thrown);
  if (error.kind === "internal" || error.code === "database_slow")
    log().error({ err: thrown, requestId }, "a route failed");
  return Response.json(
    { error: { code: error.code, message: withRemedy(error), requestId } },
    { status: error.status, headers: error.kind === "limit" ? { "retry-after": "1" } : {} },
  );
}

const withRemedy = (error: AppError): string =>
  error.details.remedy ? `${error.message} ${error.details.remedy}` : error.message;

const fromZod = (error: z.ZodError): AppError => {
  const [issue] = error.issues;
  return new Invalid(
    issue ? `${issue.path.join(".") || "The body"}: ${issue.message}.` : "The request does not parse.",
  );
};

/** The JSON body, parsed by its shape. @throws Invalid naming the field */
export const body = async <T extends z.ZodType>(request: Request, shape: T): Promise<z.output<T>> =>
  parsedJson(await request.text(), shape);

/** JSON, parsed by its shape. @throws Invalid naming the field */
export function parsedJson<T extends z.ZodType>(text: string, shape: T): z.output<T> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new Invalid("The body is not JSON.", { cause });
  }
  return shape.parse(json);
}

/** The bearer token of a request, or null. */
export function bearer(request: Request): string | null {
  const header = request.headers.get("authorization") ?? "";
  return /^bearer /i.test(header) ? header.slice(7).trim() : null;
}
