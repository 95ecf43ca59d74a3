/** Typed errors, and the one map from them to what each protocol answers. */
import type { TRPC_ERROR_CODE_KEY } from "@trpc/server";
import { DrizzleQueryError } from "drizzle-orm";

type Kind =
  | "invalid"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "limit"
  | "unavailable"
  | "internal";

const MAP: Record<Kind, { status: number; trpc: TRPC_ERROR_CODE_KEY }> = {
  invalid: { status: 400, trpc: "BAD_REQUEST" },
  unauthenticated: { status: 401, trpc: "UNAUTHORIZED" },
  forbidden: { status: 403, trpc: "FORBIDDEN" },
  not_found: { status: 404, trpc: "NOT_FOUND" },
  conflict: { status: 409, trpc: "CONFLICT" },
  limit: { status: 429, trpc: "TOO_MANY_REQUESTS" },
  unavailable: { status: 503, trpc: "SERVICE_UNAVAILABLE" },
  internal: { status: 500, trpc: "INTERNAL_SERVER_ERROR" },
};

/** `field`: the one of the input that is wrong, where the shape of the input alone can't tell. */
interface Details {
  code?: string;
  field?: string;
  remedy?: string;
  cause?: unknown;
}

/** An error that a person may read: what happened, and in `remedy` how to mend it. */
export class AppError extends Error {
  constructor(
    readonly kind: Kind,
    message: string,
    readonly details: Details = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
  }
  get code(): string {
    return this.details.code ?? this.kind;
  }
  get status(): number {
    return MAP[this.kind].status;
  }
  get trpcCode(): TRPC_ERROR_CODE_KEY {
    return MAP[this.kind].trpc;
  }
}

const define = (kind: Kind) =>
  class extends AppError {
    constructor(message: string, details: Details = {}) {
      super(kind, message, details);
    }
  };

export const Invalid = define("invalid");
export const Unauthenticated = define("unauthenticated");
export const Forbidden = define("forbidden");
export const NotFound = define("not_found");
export const Conflict = define("conflict");
export const Limit = define("limit");
export const Unavailable = define("unavailable");

/** SQLSTATEs and errors of sockets that mean that no database is there to answer. */
const AWAY = /^(57P0[123]|08\w{3}|ECONNREFUSED|ECONNRESET|ENOTFOUND|ENOENT|EPIPE)$/;
const ENDED = /Connection terminated|timeout exceeded when trying to connect/;

/** Whether a query failed since the database is away, not since it refused the query. */
export function isDatabaseAway(thrown: unknown): boolean {
  let isQuery = false;
  for (let error = thrown; error instanceof Error; error = error.cause) {
    isQuery ||= error instanceof DrizzleQueryError;
    const code = "code" in error && typeof error.code === "string" ? error.code : "";
    if (isQuery && (AWAY.test(code) || ENDED.test(error.message))) return true;
  }
  return false;
}

/** SQLSTATEs of statements, waits for a lock and transactions that the database ended since they took too long. */
const SLOW = new Set(["57014", "55P03", "25P03"]);

/** Whatever was thrown, as an `AppError`; a stranger's message is kept as the cause and not shown. */
export function asAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  if (isDatabaseAway(thrown))
    return new AppError("unavailable", "The console’s database does not answer; nothing was changed.", {
      code: "database_away",
      cause: thrown,
      remedy: "What serves goes on serving. Try again once it is back; the console takes it up by itself.",
    });
  if (SLOW.has(sqlState(thrown) ?? ""))
    return new AppError("unavailable", "The console’s database took too long; nothing was changed.", {
      code: "database_slow",
      cause: thrown,
      remedy: "Try again in a moment. If it happens again, give the request id to whoever runs this console.",
    });
  return new AppError("internal", "Something went wrong on the server; nothing was changed.", {
    cause: thrown,
    remedy: "Try again. If it happens again, give the request id to whoever runs this console.",
  });
}

/** The SQLSTATE of a database error, however deep the driver wrapped it. */
export function sqlState(thrown: unknown): string | undefined {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if ("code" in error && typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code))
      return error.code;
  }
  return undefined;
}
