/**
 * The ladder every procedure stands on: `open` → `signedIn` → `inTeam(permission)`. Each declares what it asks for,
 * and the permission matrix test fails on one that does not.
 */
import { initTRPC, TRPCError } from "@trpc/server";
import superjson from "superjson";
import { z } from "zod";
import { asAppError } from "../errors";
import { displayContext, personBehind, type RequestContext, teamContext } from "../ladder";
import { log } from "../log";
import type { Permission } from "../permissions";

/** A field that holds no number says so, and not in the words of a program. */
z.config({
  customError: (issue) =>
    issue.code === "invalid_type" && issue.expected === "number" ? "a number is needed" : undefined,
});

export interface Access {
  access: "public" | "signed_in" | Permission;
}

const t = initTRPC
  .context<RequestContext>()
  .meta<Access>()
  .create({
    transformer: superjson,
    sse: { ping: { enabled: true, intervalMs: 5_000 }, client: { reconnectAfterInactivityMs: 15_000 } },
    errorFormatter({ shape, error, ctx }) {
      // Input that was refused says by itself what is wrong with which field.
      const refused = error.cause instanceof z.ZodError ? error.cause : undefined;
      const cause = error.cause && !refused ? asAppError(error.cause) : undefined;
      const field = cause?.details.field;
      return {
        ...shape,
        data: {
          code: shape.data.code,
          httpStatus: shape.data.httpStatus,
          path: shape.data.path,
          reason: cause?.code,
          remedy: cause?.details.remedy,
          requestId: ctx?.requestId,
          issues:
            refused?.issues.map((i) => ({ path: i.path.map(String), message: i.message })) ??
            (field ? [{ path: [field], message: error.message }] : undefined),
        },
      };
    },
  });

export const router = t.router;
export const createCallerFactory = t.createCallerFactory;

interface Call {
  path: string;
  requestId: string;
  signal: AbortSignal | undefined;
}

/** A typed error as tRPC tells it; the cause of any other is kept and logged with the request id. */
function told(cause: unknown, { path, requestId }: Call): TRPCError {
  const error = asAppError(cause);
  if (error.kind === "internal" || error.code.startsWith("database_"))
    log().error({ err: cause, path, requestId }, "a procedure failed");
  return new TRPCError({ code: error.trpcCode, message: error.message, cause: error });
}

/** An answer in parts; what ends it early is told as what ends any other procedure. */
async function* toldParts(parts: AsyncIterable<unknown>, call: Call): AsyncGenerator<unknown> {
  try {
    yield* parts;
  } catch (cause) {
    // Nobody is there to be told when the asker went away.
    throw call.signal?.aborted ? cause : told(cause, call);
  }
}

const isInParts = (data: unknown): data is AsyncIterable<unknown> =>
  typeof data === "object" && data !== null && Symbol.asyncIterator in data;

/** Translates typed errors once, and keeps from the asker what the others say. */
const translated = t.procedure.use(async ({ ctx, path, signal, next }) => {
  const result = await next();
  const call = { path, requestId: ctx.requestId, signal };
  if (result.ok) return isInParts(result.data) ? { ...result, data: toldParts(result.data, call) } : result;
  const cause = result.error.cause;
  // Thrown by tRPC itself: input that does not parse, an unknown procedure, a middleware's refusal.
  if (!cause || cause instanceof z.ZodError || cause instanceof TRPCError) return result;
  throw told(cause, call);
});

export const open = translated.meta({ access: "public" });

const signedInAs = translated.use(({ ctx, next }) => next({ ctx: { person: personBehind(ctx) } }));
export const signedIn = signedInAs.meta({ access: "signed_in" });

/** A procedure of one team: its input names the team, its context is a `TeamContext` of a member who may. */
export const inTeam = (permission: Permission) =>
  signedInAs
    .meta({ access: permission })
    .input(z.object({ team: z.string() }))
    .use(async ({ ctx, input, next }) => next({ ctx: await teamContext(ctx, input.team, permission) }));

/** What a wallboard shows: read by a member, or by a screen with a display token, which names no team. */
export const onDisplay = translated
  .meta({ access: "read" })
  .input(z.object({ team: z.string().nullish() }))
  .use(async ({ ctx, input, next }) => next({ ctx: await displayContext(ctx, input.team) }));
