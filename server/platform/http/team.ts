/** The ladder of `trpc.ts` for route handlers: signed in, member of the team, allowed. */
import type { TeamContext } from "../context";
import { Forbidden, NotFound, Unauthenticated } from "../errors";
import { granted, type Permission } from "../permissions";
import type { RequestContext } from "../trpc/trpc";

/** @throws Unauthenticated, NotFound (also for a team of others), Forbidden */
export async function teamContext(
  asking: RequestContext,
  team: string,
  permission: Permission,
): Promise<TeamContext> {
  const { db, requestId, person } = asking;
  if (!person) throw new Unauthenticated("You are not signed in.", { remedy: "Sign in and try again." });
  const membership = await asking.membership(team);
  if (!membership) throw new NotFound(`There is no team "${team}" that you belong to.`);
  if (!granted(membership.roles, permission)) {
    throw new Forbidden(`Your roles (${membership.roles.join(", ")}) do not allow this.`, {
      code: "missing_permission",
      remedy: `Ask an admin of ${membership.teamName} for a role with "${permission}".`,
    });
  }
  return {
    db,
    requestId,
    teamId: membership.teamId,
    teamSlug: membership.teamSlug,
    actor: { kind: "person", id: person.id, name: person.name, roles: membership.roles },
  };
}
