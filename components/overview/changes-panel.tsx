"use client";
import Link from "next/link";
import { useNow } from "@/components/ui/clock";
import { clockTime, datetime } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import type { Overview } from "./types";

const DAY_MS = 86_400_000;

/** Who did what to what, newest first; each leads to its entry in the audit log. */
export function ChangesPanel({ team, changes }: { team: string; changes: Overview["changes"] }) {
  const now = useNow();
  return (
    <Panel
      title="Last changes"
      tools={
        <Link className="link s12" href={`/${team}/audit`}>
          Audit
        </Link>
      }
    >
      {changes.length === 0 && <p className="feed-none t3">Nothing was changed yet.</p>}
      <ul className="feed s12">
        {changes.map(({ seq, at, actor, summary }) => (
          <li key={seq}>
            <time className="t3 num" dateTime={at.toISOString()} title={datetime(at.getTime())}>
              {now !== null && now - at.getTime() > DAY_MS
                ? datetime(at.getTime()).slice(0, 6)
                : clockTime(at.getTime()).slice(0, 5)}
            </time>
            <Link href={`/${team}/audit?entry=${seq}`} prefetch={false}>
              <b>{actor}</b> {summary.charAt(0).toLowerCase() + summary.slice(1)}
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
