"use client";
import { Sparkline } from "@/components/charts/sparkline";
import { useNow } from "@/components/ui/clock";
import { count, decimal, ms, percent } from "@/components/ui/format";
import { Metric } from "@/components/ui/metric";
import { Tiles } from "@/components/ui/panel";
import { isOf, useTraffic } from "./use-traffic";
import type { ModelPage } from "./words";

const MINUTES = 60;

/** Requests of the last hour by minute; a minute without a row had none while a gateway reported others. */
function perMinute(page: ModelPage): number[] {
  const byMinute = new Map<number, number>();
  for (const point of page.minutes) {
    const at = Math.floor(point.at.getTime() / 60_000);
    byMinute.set(at, (byMinute.get(at) ?? 0) + point.requests);
  }
  const last = Math.max(...byMinute.keys());
  return Array.from({ length: MINUTES }, (_, i) => byMinute.get(last - MINUTES + 1 + i) ?? 0);
}

/** What the gateways count of the version that serves, live. */
export function TrafficPanel({ team, page }: { team: string; page: ModelPage }) {
  const { rows, at, periodMs } = useTraffic(team);
  const now = rows.find((r) => isOf(r, page));
  // Its age is told once the browser has read it: server and browser would write different seconds.
  const live = useNow() !== null && at > 0 ? { at, periodMs } : {};
  const us = (value: number | null | undefined) =>
    value === null || value === undefined ? null : ms(value / 1000);
  return (
    <Tiles label="Requests" className="mb-3 release-tiles">
      <Metric
        label="Requests/s"
        value={now ? decimal(now.perSecond, 1) : "0"}
        note={now ? `mean over two minutes, ${count(now.requests)} in all` : "none in the last two minutes"}
        {...live}
      />
      <Metric label="Latency p50" value={us(now?.p50Us)} note="in the gateway, this minute" />
      <Metric label="Latency p99" value={us(now?.p99Us)} note="in the gateway, this minute" />
      <Metric
        label="Errors"
        value={now ? percent(now.errors / Math.max(now.requests, 1), 2) : null}
        note={now ? `${count(now.errors)} answered with a 5xx` : "no requests"}
      />
      <div className="tile">
        <div className="lab">
          <span>Requests by minute, last hour</span>
        </div>
        {page.minutes.length > 1 ? (
          <Sparkline
            label={`Requests by minute over the last hour, ${count(perMinute(page).at(-1) ?? 0)} in the last`}
            values={perMinute(page)}
            color="var(--c-production)"
            width={168}
            height={40}
          />
        ) : (
          <div className="sub">not measured</div>
        )}
      </div>
    </Tiles>
  );
}
