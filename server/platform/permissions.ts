/** Who may do what. Roles are sets of permissions; a person may hold several. */
import { z } from "zod";

export const Role = z.enum(["viewer", "engineer", "approver", "operator", "admin"]);
export type Role = z.infer<typeof Role>;

export const Permission = z.enum([
  "read",
  "model.upload",
  "dataset.upload",
  "studio.use",
  "version.commit",
  "run.launch",
  "run.stop_own",
  "run.stop_any",
  "release.stage",
  "release.request",
  "release.approve",
  "release.rollback",
  "release.comment",
  "release.break_glass",
  "policy.edit",
  "inference.try",
  "pool.edit",
  "node.drain",
  "alert.handle",
  "budget.edit",
  "member.manage",
  "token.manage",
  "webhook.manage",
]);
export type Permission = z.infer<typeof Permission>;

const GRANTS: Record<Role, readonly Permission[]> = {
  viewer: ["read"],
  engineer: [
    "read",
    "model.upload",
    "dataset.upload",
    "studio.use",
    "version.commit",
    "run.launch",
    "run.stop_own",
    "release.stage",
    "release.request",
    "release.comment",
    "inference.try",
  ],
  approver: ["read", "release.approve", "release.rollback", "release.comment", "inference.try"],
  operator: [
    "read",
    "run.stop_any",
    "release.rollback",
    "release.comment",
    "inference.try",
    "pool.edit",
    "node.drain",
    "alert.handle",
    "budget.edit",
  ],
  admin: [
    "read",
    "member.manage",
    "token.manage",
    "webhook.manage",
    "run.stop_any",
    "release.rollback",
    "release.comment",
    "release.break_glass",
    "policy.edit",
    "pool.edit",
    "node.drain",
    "alert.handle",
    "budget.edit",
  ],
};

export const granted = (roles: readonly Role[], permission: Permission): boolean =>
  roles.some((role) => GRANTS[role].includes(permission));

/** What someone with these roles may do, for screens that show or disable actions. */
export const permissionsOf = (roles: readonly Role[]): Permission[] =>
  Permission.options.filter((permission) => granted(roles, permission));
