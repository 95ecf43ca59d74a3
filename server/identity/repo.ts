/** SQL of people and teams. Functions take `(db, …)`: the pool, a transaction or a test's database alike. */
import { and, count, desc, eq, isNull, sql } from "drizzle-orm";
import { apiToken, invite, membership, team, user } from "../../db/schema/identity";
import type { Db } from "../platform/db";
import type { Membership } from "../platform/ladder";
import { Role } from "../platform/permissions";

export async function countPeople(db: Db): Promise<number> {
  const [row] = await db.select({ n: count() }).from(user);
  return row?.n ?? 0;
}

const roles = (stored: string[]): Role[] => Role.array().parse(stored);

export async function findMembership(db: Db, userId: string, slug: string): Promise<Membership | null> {
  const [row] = await db
    .select({ teamId: team.id, teamSlug: team.slug, teamName: team.name, roles: membership.roles })
    .from(membership)
    .innerJoin(team, eq(team.id, membership.teamId))
    .where(and(eq(membership.userId, userId), eq(team.slug, slug)));
  return row ? { ...row, roles: roles(row.roles) } : null;
}

export async function listMemberships(db: Db, userId: string): Promise<Membership[]> {
  const rows = await db
    .select({ teamId: team.id, teamSlug: team.slug, teamName: team.name, roles: membership.roles })
    .from(membership)
    .innerJoin(team, eq(team.id, membership.teamId))
    .where(eq(membership.userId, userId))
    .orderBy(team.name);
  return rows.map((row) => ({ ...row, roles: roles(row.roles) }));
}

export async function listMembers(db: Db, teamId: string) {
  const rows = await db
    .select({
      userId: user.id,
      name: user.name,
      email: user.email,
      roles: membership.roles,
      since: membership.createdAt,
    })
    .from(membership)
    .innerJoin(user, eq(user.id, membership.userId))
    .where(eq(membership.teamId, teamId))
    .orderBy(membership.createdAt);
  return rows.map((row) => ({ ...row, roles: roles(row.roles) }));
}

export async function listInvites(db: Db, teamId: string) {
  return db
    .select({ id: invite.id, roles: invite.roles, createdAt: invite.createdAt, expiresAt: invite.expiresAt })
    .from(invite)
    .where(
      and(
        eq(invite.teamId, teamId),
        isNull(invite.usedAt),
        isNull(invite.revokedAt),
        sql`expires_at > now()`,
      ),
    )
    .orderBy(desc(invite.createdAt));
}

export async function findOpenInvite(db: Db, tokenHash: string) {
  const [row] = await db
    .select({ invite, team })
    .from(invite)
    .innerJoin(team, eq(team.id, invite.teamId))
    .where(
      and(
        eq(invite.tokenHash, tokenHash),
        isNull(invite.usedAt),
        isNull(invite.revokedAt),
        sql`expires_at > now()`,
      ),
    );
  return row;
}

export async function listTokens(db: Db, teamId: string) {
  return db
    .select({
      id: apiToken.id,
      name: apiToken.name,
      hint: apiToken.hint,
      scopes: apiToken.scopes,
      ratePerSecond: apiToken.ratePerSecond,
      createdAt: apiToken.createdAt,
      expiresAt: apiToken.expiresAt,
      lastUsedAt: apiToken.lastUsedAt,
    })
    .from(apiToken)
    .where(and(eq(apiToken.teamId, teamId), isNull(apiToken.revokedAt)))
    .orderBy(desc(apiToken.createdAt));
}
