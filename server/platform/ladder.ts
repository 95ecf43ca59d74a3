/** The ladder that procedures and route handlers climb: signed in, member of the team, allowed. */
import type { TeamContext } from "./context";
import type { Database } from "./db";
import { Forbidden, NotFound, Unauthenticated } from "./errors";
import { granted, type Permission, type Role } from "./permissions";

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
/** A screen on a wall: it reads one team's wallboard, and nobody is signed in on it. */
export interface Display {
  tokenId: string;
  name: string;
  teamId: string;
  teamSlug: string;
}
/** What a request brings. Who is behind it, and in which teams, the identity slice says. */
export interface RequestContext {
  db: Database;
  requestId: string;
  person: Person | null;
  membership(team: string): Promise<Membership | null>;
  display(): Promise<Display | null>;
}

/** @throws Unauthenticated */
export function personBehind(asking: RequestContext): Person {
  if (!asking.person)
    throw new Unauthenticated("You are not signed in.", { remedy: "Sign in and try again." });
  return asking.person;
}

/** @throws Unauthenticated, NotFound (also for a team of others), Forbidden */
export async function teamContext(
  asking: RequestContext,
  team: string,
  permission: Permission,
): Promise<TeamContext> {
  const { id, name } = personBehind(asking);
  const membership = await asking.membership(team);
  if (!membership) throw new NotFound(`There is no team "${team}" that you belong to.`);
  const { teamId, teamSlug, teamName, roles } = membership;
  if (!granted(roles, permission)) {
    throw new Forbidden(`Your roles (${roles.join(", ")}) do not allow this.`, {
      code: "missing_permission",
      remedy: `Ask an admin of ${teamName} for a role with "${permission}".`,
    });
  }
  const { db, requestId } = asking;
  return { db, requestId, teamId, teamSlug, actor: { kind: "person", id, name, roles } };
}

/** Of a member who reads the team they name, or of the team whose wall this is. @throws as `teamContext` */
export async function displayContext(
  asking: RequestContext,
  team: string | null | undefined,
): Promise<TeamContext> {
  if (team && asking.person) return teamContext(asking, team, "read");
  const display = await asking.display();
  if (!display)
    throw new Unauthenticated("This screen is not signed in.", {
      remedy: "Give it a display token: Settings makes one.",
    });
  const { tokenId, name, teamId, teamSlug } = display;
  const actor = { kind: "person", id: tokenId, name: `display ${name}`, roles: ["viewer"] } as const;
  return { db: asking.db, requestId: asking.requestId, teamId, teamSlug, actor };
}
