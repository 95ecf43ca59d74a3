/** People, teams, roles, invites and API tokens, as screens see them. */
import { z } from "zod";
import { Slug } from "../platform/atoms";
import { Permission, permissionsOf, Role } from "../platform/permissions";

export { Permission, permissionsOf, Role };

const Name = z.string().trim().min(1, "enter a name").max(80, "use at most 80 characters");
const Password = z.string().min(10, "use at least 10 characters").max(128, "use at most 128 characters");
const Email = z.email("enter an address such as ines@example.com").max(254);

/** The first admin, from the one-time link. */
export const Welcome = z.object({
  token: z.string().min(16),
  name: Name,
  email: Email,
  password: Password,
  teamName: Name,
  teamSlug: Slug,
});
export type Welcome = z.infer<typeof Welcome>;

export const AcceptInvite = z.object({
  token: z.string().min(16),
  name: Name,
  email: Email,
  password: Password,
});
export const Roles = z.array(Role).min(1, "choose at least one role").max(5);
export const CreateInvite = z.object({ roles: Roles });
export const ChangeRoles = z.object({ userId: z.string(), roles: Roles });
/** `inference` asks models at a gateway; `display` shows the wallboard on a screen. */
export const TokenScope = z.enum(["inference", "display"]);
export type TokenScope = z.infer<typeof TokenScope>;
export const DisplayToken = z.object({ token: z.string().min(1, "paste the token").max(200) });
export const CreateToken = z.object({
  name: Slug,
  scopes: z.array(TokenScope).min(1),
  expiresInDays: z.number().int().min(1).max(365).nullable(),
  /** Requests that it may send to a gateway; null: as many as it likes. */
  ratePerSecond: z
    .number("use a whole number, or leave it empty")
    .int("use a whole number")
    .min(1, "use at least 1")
    .max(100_000, "use at most 100,000")
    .nullable()
    .default(null),
});
