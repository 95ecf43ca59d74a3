/**
 * The ladder every procedure stands on: `open` → `signedIn` → `inTeam(permission)`. Each declares what it asks for,
 * and the permission matrix test fails on one that does not.
 */
import { initTRPC, TRPCError } from "@trpc/server";
import superjson from "superjson";
import { z } from "zod";
import type { TeamContext } from "../context";
import type { Database } from "../db";
import { asAppError, Forbidden, NotFound, Unauthenticated } from "../errors";
import { log } from "../log";
import { granted, type Permission, type Role } from "../permissions";

export interface Person {
  id: string;
  name: string;
  email: string;
}
export interface Membership {
  teamId: string;
  teamSlug: string;
  teamName: string;
  roles: readonly Role[];
}
/** What a request brings. Who is behind it, and in which teams, the identity slice says. */
export interface RequestContext {
  db: Database;
  requestId: string;
  person: Person | null;
  membership(team: string): Promise<Membership | null>;
}
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
      const cause = error.cause ? asAppError(error.cause) : undefined;
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
            error.cause instanceof z.ZodError
              ? error.cause.issues.map((i) => ({ path: i.path.map(String), message: i.message }))
              : undefined,
        },
      };
    },
  });

export const router = t.router;
export const createCallerFactory = t.createCallerFactory;

/** Translates typed errors once; keeps and logs the cause of the others with the request id. */
const translated = t.procedure.use(async ({ ctx, path, next }) => {
  const result = await next();
  if (result.ok) return result;
  const cause = result.error.cause;
  // Thrown by tRPC itself: input that does not parse, an unknown procedure, a middleware's refusal.
  if (!cause || cause instanceof z.ZodError || cause instanceof TRPCError) return result;
  const error = asAppError(cause);
  if (error.kind === "internal")
    log().error({ err: cause, path, requestId: ctx.requestId }, "a procedure failed");
  throw new TRPCError({ code: error.trpcCode, message: error.message, cause: error });
});

export const open = translated.meta({ access: "public" });

const signedInAs = translated.use(({ ctx, next }) => {
  if (!ctx.person) throw new Unauthenticated("You are not signed in.", { remedy: "Sign in and try again." });
  return next({ ctx: { ...ctx, person: ctx.person } });
});
export const signedIn = signedInAs.meta({ access: "signed_in" });

/** A procedure of one team: its input names the team, its context is a `TeamContext` of a member who may. */
export const inTeam = (permission: Permission) =>
  signedInAs
    .meta({ access: permission })
    .input(z.object({ team: z.string() }))
    .use(async ({ ctx, input, next }) => {
      const membership = await ctx.membership(input.team);
      if (!membership) throw new NotFound(`There is no team "${input.team}" that you belong to.`);
      if (!granted(membership.roles, permission)) {
        throw new Forbidden(`Your roles (${membership.roles.join(", ")}) do not allow this.`, {
          code: "missing_permission",
          remedy: `Ask an admin of ${membership.teamName} for a role with "${permission}".`,
        });
      }
      const team: TeamContext = {
        db: ctx.db,
        teamId: membership.teamId,
        teamSlug: membership.teamSlug,
        actor: { kind: "person", id: ctx.person.id, name: ctx.person.name, roles: membership.roles },
        requestId: ctx.requestId,
      };
      return next({ ctx: { ...ctx, ...team, membership: membership } });
    });
