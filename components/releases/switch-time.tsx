"use client";
import { Age } from "@/components/ui/age";
import type { Press } from "./way-back";
import { type Release, switchMs } from "./words";

/** What the last switch took: from the confirming press where this tab made it, else from its transaction. */
export function SwitchTime({ release, press }: { release: Release; press: Press | null }) {
  if (release.kind === "promotion" || release.switchMs === null) return null;
  const own = press?.releaseId === release.id ? press : null;
  const began = release.createdAt.getTime();
  const movedAt = release.servingAt?.getTime() ?? began;
  const wasCold = movedAt > began;
  const appliedAt = movedAt + release.switchMs;
  // The two clocks are compared through the server's hello; on a fast network its error is below a millisecond.
  const total = own ? Math.max(appliedAt - own.at, release.switchMs) : release.switchMs;
  const before = total - release.switchMs;
  const did = release.kind === "rollback" ? "Rolled back" : "Went forward";
  return (
    <section className="panel switch-time" aria-label="Measured switch">
      <div>
        <div className="lab">
          {did} from v{release.fromVersion} to v{release.version} in
        </div>
        <div className="big" data-switch-ms={total} data-release={release.id}>
          {switchMs(total)}
        </div>
        <div className="t2 s12">
          measured from {own ? "your confirming press" : "the start of the transaction"} until the gateway had
          applied the route. By {release.by}, <Age at={release.createdAt.getTime()} form="ago" />
        </div>
      </div>
      <div>
        {own && (
          <Span
            words={wasCold ? "its replica started" : "request reaches the server"}
            from={0}
            to={before}
            total={total}
            color="var(--c-baseline)"
          />
        )}
        <Span
          words={`route committed and applied`}
          from={before}
          to={total}
          total={total}
          color="var(--c-production)"
        />
        <div className="t3 s12">
          ms after the {own ? "press" : "transaction began"}, by the clock of the server’s host
        </div>
      </div>
    </section>
  );
}

interface SpanProps {
  words: string;
  from: number;
  to: number;
  total: number;
  color: string;
}

function Span({ words, from, to, total, color }: SpanProps) {
  const share = (value: number) => `${(100 * value) / Math.max(total, 1)}%`;
  return (
    <div className="span-row">
      <span>{words}</span>
      <span className="span-track">
        <i style={{ left: share(from), width: share(to - from), background: color }} />
      </span>
      <span className="num">{switchMs(to - from)}</span>
    </div>
  );
}
