/** Sign-in by link, members and roles, invites and API tokens. */

import { timingSafeEqual } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hashPassword } from "better-auth/crypto";
import { and, eq, isNull, sql } from "drizzle-orm";
import { z } from "zod";
import { account, apiToken, invite, membership, team, user } from "../../db/schema/identity";
import { record } from "../audit/service";
import { config } from "../platform/config";
import { type TeamContext, transact } from "../platform/context";
import type { Database, Db, Transaction } from "../platform/db";
import { Conflict, Forbidden, Invalid, NotFound, sqlState } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import type { Role } from "../platform/permissions";
import { hashToken, randomToken } from "../platform/tokens";
import type { AcceptInvite, ChangeRoles, CreateInvite, CreateToken, Welcome } from "./contract";
import * as repo from "./repo";

export { displayCookie, noDisplayCookie } from "./display";

const INVITE_DAYS = 7;
const FIRST_ROLES: Role[] = ["admin", "engineer", "approver", "operator"];

const Bootstrap = z.object({ token: z.string(), expiresAt: z.coerce.date(), used: z.boolean() });
const bootstrapFile = () => join(config().home, "secrets", "bootstrap.json");

export const needsFirstAdmin = async (db: Db): Promise<boolean> => (await repo.countPeople(db)) === 0;

/** The first admin and their team, from the link that the terminal printed. Sign-up is closed afterwards. */
export async function welcome(
  db: Database,
  input: z.infer<typeof Welcome>,
  after: (tx: Transaction, ctx: TeamContext) => Promise<void> = async () => {},
): Promise<{ team: string }> {
  const bootstrap = Bootstrap.safeParse(
    JSON.parse(await readFile(bootstrapFile(), "utf8").catch(() => "null")),
  );
  const valid =
    bootstrap.success &&
    !bootstrap.data.used &&
    bootstrap.data.expiresAt > new Date() &&
    equal(bootstrap.data.token, input.token);
  if (!valid) {
    throw new Forbidden("This sign-in link was used, has expired, or is not the newest.", {
      code: "bootstrap_invalid",
      remedy: "Restart the console; it prints a fresh link while no one has signed in.",
    });
  }
  const passwordHash = await hashPassword(input.password);
  const created = await transact({ db }, async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(740002)`);
    if (!(await needsFirstAdmin(tx))) {
      throw new Conflict("This console already has its first admin.", {
        remedy: "Sign in, or ask for an invite.",
      });
    }
    const person = await createPerson(tx, input, passwordHash);
    const teamId = newId("team");
    await tx.insert(team).values({ id: teamId, slug: input.teamSlug, name: input.teamName });
    await tx.insert(membership).values({ teamId, userId: person.id, roles: FIRST_ROLES });
    const ctx: TeamContext = {
      db,
      teamId,
      teamSlug: input.teamSlug,
      actor: { kind: "person", ...person, roles: FIRST_ROLES },
      requestId: newId("req"),
    };
    await record(tx, ctx, {
      action: "team.created",
      target: { kind: "team", id: teamId },
      summary: `Created team ${input.teamName}`,
      after: { slug: input.teamSlug, roles: FIRST_ROLES },
    });
    await after(tx, ctx);
    return { team: input.teamSlug };
  });
  await writeFile(bootstrapFile(), JSON.stringify({ ...bootstrap.data, used: true }), { mode: 0o600 });
  return created;
}

async function createPerson(
  tx: Transaction,
  input: { name: string; email: string },
  passwordHash: string,
): Promise<{ id: string; name: string }> {
  const id = newId("usr");
  try {
    await tx
      .insert(user)
      .values({ id, name: input.name, email: input.email.toLowerCase(), emailVerified: true });
  } catch (error) {
    if (sqlState(error) === "23505") {
      throw new Conflict("There is already an account with this address.", {
        remedy: "Sign in, then open the link.",
      });
    }
    throw error;
  }
  await tx.insert(account).values({
    id: newId("acc"),
    accountId: id,
    providerId: "credential",
    userId: id,
    password: passwordHash,
  });
  return { id, name: input.name };
}

function equal(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}

/** A link that lets one person in, shown once. */
export async function createInvite(ctx: TeamContext, input: z.infer<typeof CreateInvite>) {
  const token = randomToken("invite");
  const id = newId("inv");
  await transact(ctx, async (tx) => {
    await tx.insert(invite).values({
      id,
      teamId: ctx.teamId,
      roles: input.roles,
      tokenHash: hashToken(token),
      createdBy: ctx.actor.id,
      expiresAt: sql`now() + make_interval(days => ${INVITE_DAYS})`,
    });
    await record(tx, ctx, {
      action: "invite.created",
      target: { kind: "invite", id },
      summary: `Invited someone as ${input.roles.join(", ")}`,
      after: { roles: input.roles },
    });
    await emit(tx, { teamId: ctx.teamId, topic: "members", key: id });
  });
  return { id, url: `${config().url}/invite?token=${token}` };
}

export async function revokeInvite(ctx: TeamContext, inviteId: string): Promise<void> {
  await transact(ctx, async (tx) => {
    const revoked = await tx
      .update(invite)
      .set({ revokedAt: sql`now()` })
      .where(
        and(
          eq(invite.id, inviteId),
          eq(invite.teamId, ctx.teamId),
          isNull(invite.usedAt),
          isNull(invite.revokedAt),
        ),
      )
      .returning({ id: invite.id });
    if (revoked.length === 0) throw new NotFound("This invite was used or revoked already.");
    await record(tx, ctx, {
      action: "invite.revoked",
      target: { kind: "invite", id: inviteId },
      summary: "Revoked an invite",
    });
    await emit(tx, { teamId: ctx.teamId, topic: "members", key: inviteId });
  });
}

export async function describeInvite(db: Db, token: string) {
  const found = await repo.findOpenInvite(db, hashToken(token));
  if (!found) {
    throw new NotFound("This invite was used, was revoked, or has expired.", {
      remedy: "Ask an admin for a new link.",
    });
  }
  return { team: found.team.name, roles: found.invite.roles };
}

/** Makes an account and its membership from an invite; the invite is used up in the same transaction. */
export async function acceptInvite(
  db: Database,
  input: z.infer<typeof AcceptInvite>,
): Promise<{ team: string }> {
  const passwordHash = await hashPassword(input.password);
  return transact({ db }, async (tx) => {
    const found = await repo.findOpenInvite(tx, hashToken(input.token));
    if (!found) throw new NotFound("This invite was used, was revoked, or has expired.");
    const person = await createPerson(tx, input, passwordHash);
    const used = await tx
      .update(invite)
      .set({ usedAt: sql`now()`, usedBy: person.id })
      .where(and(eq(invite.id, found.invite.id), isNull(invite.usedAt)))
      .returning({ id: invite.id });
    if (used.length === 0) throw new Conflict("Someone used this invite a moment ago.");
    await tx
      .insert(membership)
      .values({ teamId: found.team.id, userId: person.id, roles: found.invite.roles });
    const actor = { kind: "person", ...person, roles: [] } as const;
    await record(
      tx,
      { teamId: found.team.id, actor, requestId: newId("req") },
      {
        action: "member.joined",
        target: { kind: "person", id: person.id },
        summary: `Joined as ${found.invite.roles.join(", ")}`,
        after: { roles: found.invite.roles },
      },
    );
    await emit(tx, { teamId: found.team.id, topic: "members", key: person.id });
    return { team: found.team.slug };
  });
}

export async function changeRoles(ctx: TeamContext, input: z.infer<typeof ChangeRoles>): Promise<void> {
  await transact(ctx, async (tx) => {
    const members = await repo.listMembers(tx, ctx.teamId);
    const member = members.find((m) => m.userId === input.userId);
    if (!member) throw new NotFound("This person is not in the team.");
    const admins = members.filter((m) =>
      (m.userId === input.userId ? input.roles : m.roles).includes("admin"),
    );
    if (admins.length === 0) {
      throw new Invalid("The team would have no admin left.", { remedy: "Make someone else admin first." });
    }
    await tx
      .update(membership)
      .set({ roles: input.roles })
      .where(and(eq(membership.teamId, ctx.teamId), eq(membership.userId, input.userId)));
    await record(tx, ctx, {
      action: "member.roles_changed",
      target: { kind: "person", id: input.userId },
      summary: `Changed the roles of ${member.name} to ${input.roles.join(", ")}`,
      before: { roles: member.roles },
      after: { roles: input.roles },
    });
    await emit(tx, { teamId: ctx.teamId, topic: "members", key: input.userId });
  });
}

/** A token for programs; its text is answered once and stored as a digest. */
export async function createToken(ctx: TeamContext, input: z.infer<typeof CreateToken>) {
  const token = randomToken("lathe");
  const id = newId("tok");
  await transact(ctx, async (tx) => {
    try {
      await tx.insert(apiToken).values({
        id,
        teamId: ctx.teamId,
        name: input.name,
        tokenHash: hashToken(token),
        hint: token.slice(-4),
        scopes: input.scopes,
        ratePerSecond: input.ratePerSecond,
        createdBy: ctx.actor.id,
        expiresAt:
          input.expiresInDays === null ? null : sql`now() + make_interval(days => ${input.expiresInDays})`,
      });
    } catch (error) {
      if (sqlState(error) === "23505") throw new Conflict(`There is already a token named ${input.name}.`);
      throw error;
    }
    await record(tx, ctx, {
      action: "token.created",
      target: { kind: "token", id },
      summary: `Created token ${input.name} for ${input.scopes.join(", ")}`,
      after: {
        scopes: input.scopes,
        expiresInDays: input.expiresInDays,
        ratePerSecond: input.ratePerSecond,
      },
    });
    await emit(tx, { teamId: ctx.teamId, topic: "members", key: id });
  });
  return { id, token };
}

export async function revokeToken(ctx: TeamContext, tokenId: string): Promise<void> {
  await transact(ctx, async (tx) => {
    const [revoked] = await tx
      .update(apiToken)
      .set({ revokedAt: sql`now()` })
      .where(and(eq(apiToken.id, tokenId), eq(apiToken.teamId, ctx.teamId), isNull(apiToken.revokedAt)))
      .returning({ name: apiToken.name });
    if (!revoked) throw new NotFound("This token was revoked already.");
    await record(tx, ctx, {
      action: "token.revoked",
      target: { kind: "token", id: tokenId },
      summary: `Revoked token ${revoked.name}`,
    });
    await emit(tx, { teamId: ctx.teamId, topic: "members", key: tokenId });
  });
}

export const members = (ctx: TeamContext) => repo.listMembers(ctx.db, ctx.teamId);
export const invites = (ctx: TeamContext) => repo.listInvites(ctx.db, ctx.teamId);
export const tokens = (ctx: TeamContext) => repo.listTokens(ctx.db, ctx.teamId);
export const teamsOf = (db: Db, userId: string) => repo.listMemberships(db, userId);
