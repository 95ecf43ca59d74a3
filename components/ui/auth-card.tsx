import type { ReactNode } from "react";
import { Mark } from "./icons";

/** The narrow column in which one signs in or joins. */
export function AuthCard({
  title,
  lead,
  children,
}: {
  title: string;
  lead?: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className="auth-card">
      <div className="brand">
        <Mark /> Lathe
      </div>
      <h1>{title}</h1>
      {lead && <p className="t2">{lead}</p>}
      {children}
    </div>
  );
}
