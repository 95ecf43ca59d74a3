"use client";
import { Age } from "@/components/ui/age";
import { StatusDot } from "@/components/ui/status";
import type { RequestPage } from "./words";

/** Who decided, what still holds, and how many more are needed. */
export function Approvals({ page }: { page: RequestPage }) {
  const { given, needed, missingRoles } = page.approvals;
  return (
    <>
      <div className="ph-row part-head">
        <h2 className="h">Approvals</h2>
        <span className="grow" />
        <span className="t2 s12">
          {given} of {needed}
          {missingRoles.length > 0 && `, still needs: ${missingRoles.join(", ")}`}
        </span>
      </div>
      <table aria-label="Approvals">
        <tbody>
          {page.decisions.map((d) => (
            <Decision key={d.id} decision={d} />
          ))}
          <tr>
            <td>
              <StatusDot state="off">{page.requester}</StatusDot>
            </td>
            <td className="t2">requester, may not approve</td>
            <td />
          </tr>
        </tbody>
      </table>
    </>
  );
}

function Decision({ decision: d }: { decision: RequestPage["decisions"][number] }) {
  const says = d.sentence ? `“${d.sentence}”` : d.decision === "approve" ? "approved" : "declined";
  return (
    <tr>
      <td>
        <StatusDot state={d.isVoid ? "warning" : d.decision === "approve" ? "ok" : "off"}>
          {d.isVoid ? <s>{d.by}</s> : d.by}
        </StatusDot>
      </td>
      <td className="t2 wrap">
        {d.isVoid ? (
          <>
            <s>{says}</s> void: {d.isVoid}
          </>
        ) : (
          says
        )}
      </td>
      <td className="num">
        <Age at={d.at.getTime()} />
      </td>
    </tr>
  );
}
