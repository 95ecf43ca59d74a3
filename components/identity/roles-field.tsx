"use client";
import { Checkbox } from "@/components/ui/toggle";
import { Role } from "@/server/identity/contract";

/** What each role is for, in the words a person decides by. */
export const ROLE_SAYS: Record<Role, string> = {
  viewer: "sees everything of the team",
  engineer: "uploads, tunes, commits, trains, requests production",
  approver: "approves or declines for production, rolls back",
  operator: "stops any run, rolls back, edits pools, drains nodes",
  admin: "manages members and tokens, rolls back",
};

export function RolesField({ roles, onRoles }: { roles: readonly Role[]; onRoles: (roles: Role[]) => void }) {
  return (
    <fieldset className="col">
      <legend className="lab">Roles add up</legend>
      {Role.options.map((role) => (
        <Checkbox
          key={role}
          label={`${role}: ${ROLE_SAYS[role]}`}
          checked={roles.includes(role)}
          onCheckedChange={(on) => onRoles(on ? [...roles, role] : roles.filter((r) => r !== role))}
        />
      ))}
    </fieldset>
  );
}
