import { Panel } from "@/components/ui/panel";
import { type Permission, permissionsOf, Role } from "@/server/identity/contract";

const ROWS: readonly [Permission, string][] = [
  ["read", "See everything of the team"],
  ["model.upload", "Upload models and datasets"],
  ["studio.use", "Compress, commit, train"],
  ["release.request", "Request production"],
  ["release.approve", "Approve for production"],
  ["release.rollback", "Roll production back"],
  ["release.comment", "Comment on requests"],
  ["policy.edit", "Set policies, release without approval"],
  ["run.stop_any", "Stop anyone's run"],
  ["pool.edit", "Edit pools, drain nodes"],
  ["member.manage", "Members, roles, tokens"],
];

export function RolesMatrix() {
  return (
    <Panel title="What a role may do" subtitle="roles add up; nobody approves their own request">
      <table className="tbl">
        <thead>
          <tr>
            <th scope="col">
              <span className="sr-only">Act</span>
            </th>
            {Role.options.map((role) => (
              <th key={role} scope="col" className="c">
                {role}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ROWS.map(([permission, says]) => (
            <tr key={permission}>
              <th scope="row">{says}</th>
              {Role.options.map((role) => {
                const may = permissionsOf([role]).includes(permission);
                return (
                  <td key={role} className={may ? "c" : "c t3"}>
                    <span aria-hidden="true">{may ? "●" : "–"}</span>
                    <span className="sr-only">{may ? "yes" : "no"}</span>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}
