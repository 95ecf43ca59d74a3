/** Accounts and sessions (kept by better-auth); teams, members, invites and API tokens (ours). */
import { sql } from "drizzle-orm";
import { boolean, check, index, integer, pgTable, primaryKey, text, uniqueIndex } from "drizzle-orm/pg-core";
import { createdAt, id, moment } from "./columns";

export const user = pgTable("user", {
  id: id(),
  name: text("name").notNull(),
  email: text("email").notNull().unique(),
  emailVerified: boolean("email_verified").notNull().default(false),
  image: text("image"),
  createdAt: createdAt(),
  updatedAt: moment("updated_at").notNull().defaultNow(),
});

export const session = pgTable(
  "session",
  {
    id: id(),
    expiresAt: moment("expires_at").notNull(),
    token: text("token").notNull().unique(),
    createdAt: createdAt(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
    ipAddress: text("ip_address"),
    userAgent: text("user_agent"),
    userId: text("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
  },
  (t) => [index().on(t.userId)],
);

export const account = pgTable(
  "account",
  {
    id: id(),
    accountId: text("account_id").notNull(),
    providerId: text("provider_id").notNull(),
    userId: text("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
    accessToken: text("access_token"),
    refreshToken: text("refresh_token"),
    idToken: text("id_token"),
    accessTokenExpiresAt: moment("access_token_expires_at"),
    refreshTokenExpiresAt: moment("refresh_token_expires_at"),
    scope: text("scope"),
    password: text("password"),
    createdAt: createdAt(),
    updatedAt: moment("updated_at").notNull().defaultNow(),
  },
  (t) => [index().on(t.userId)],
);

export const verification = pgTable("verification", {
  id: id(),
  identifier: text("identifier").notNull(),
  value: text("value").notNull(),
  expiresAt: moment("expires_at").notNull(),
  createdAt: createdAt(),
  updatedAt: moment("updated_at").notNull().defaultNow(),
});

export const team = pgTable("team", {
  id: id(),
  slug: text("slug").notNull().unique(),
  name: text("name").notNull(),
  createdAt: createdAt(),
});

const knownRoles = sql`roles <@ array['viewer','engineer','approver','operator','admin']::text[] and cardinality(roles) > 0`;

export const membership = pgTable(
  "membership",
  {
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    userId: text("user_id")
      .notNull()
      .references(() => user.id, { onDelete: "cascade" }),
    roles: text("roles").array().notNull(),
    createdAt: createdAt(),
  },
  (t) => [
    primaryKey({ columns: [t.teamId, t.userId] }),
    check("membership_roles", knownRoles),
    index().on(t.userId),
  ],
);

export const invite = pgTable(
  "invite",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    roles: text("roles").array().notNull(),
    /** sha256 of the secret in the link; the link itself is shown once. */
    tokenHash: text("token_hash").notNull().unique(),
    createdBy: text("created_by")
      .notNull()
      .references(() => user.id),
    createdAt: createdAt(),
    expiresAt: moment("expires_at").notNull(),
    usedAt: moment("used_at"),
    usedBy: text("used_by").references(() => user.id),
    revokedAt: moment("revoked_at"),
  },
  (t) => [check("invite_roles", knownRoles), index().on(t.teamId)],
);

export const apiToken = pgTable(
  "api_token",
  {
    id: id(),
    teamId: text("team_id")
      .notNull()
      .references(() => team.id),
    name: text("name").notNull(),
    tokenHash: text("token_hash").notNull().unique(),
    /** The last characters, so that a person can tell tokens apart. */
    hint: text("hint").notNull(),
    scopes: text("scopes").array().notNull(),
    /** Requests that it may send to a gateway; null: as many as it likes. */
    ratePerSecond: integer("rate_per_second"),
    createdBy: text("created_by")
      .notNull()
      .references(() => user.id),
    createdAt: createdAt(),
    expiresAt: moment("expires_at"),
    lastUsedAt: moment("last_used_at"),
    revokedAt: moment("revoked_at"),
  },
  (t) => [
    uniqueIndex().on(t.teamId, t.name),
    check("api_token_rate_per_second_check", sql`${t.ratePerSecond} > 0`),
  ],
);
