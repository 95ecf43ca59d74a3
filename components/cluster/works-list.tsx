import Link from "next/link";
import type { ReactNode } from "react";
import { Age } from "@/components/ui/age";
import { clockTime, datetime, duration } from "@/components/ui/format";

/** A part of a sheet. */
export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="sheet-part">
      <h3>{title}</h3>
      {children}
    </section>
  );
}

interface Listed {
  kind: string;
  id: string;
  label: string;
  path: string;
  since: Date;
  until?: Date | null;
}

/** What runs or ran somewhere, as links with their times. */
export function Works({ team, works, empty }: { team: string; works: readonly Listed[]; empty: string }) {
  if (works.length === 0) return <p className="body t3">{empty}</p>;
  return (
    <ul className="works">
      {works.map((work) => (
        <li key={`${work.kind}-${work.id}-${work.label}-${work.since.getTime()}`}>
          {work.path ? (
            <Link className="link" href={`/${team}/${work.path}`}>
              {work.label}
            </Link>
          ) : (
            work.label
          )}
          <span className="grow" />
          <span className="t2 num" title={datetime(work.since.getTime(), "local")}>
            {work.until ? (
              `${clockTime(work.since.getTime(), "local")}, for ${duration((work.until.getTime() - work.since.getTime()) / 1000)}`
            ) : (
              <>
                for <Age at={work.since.getTime()} />
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}
