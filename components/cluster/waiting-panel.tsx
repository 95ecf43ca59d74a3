"use client";
import Link from "next/link";
import { Age } from "@/components/ui/age";
import { EmptyState } from "@/components/ui/feedback";
import { decimal, plural } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import type { ClusterOverview } from "./types";

/** Each unmet demand: who asks, for what, what it waits for. */
export function WaitingPanel({ team, cluster }: { team: string; cluster: ClusterOverview }) {
  const starting = cluster.pending.reduce((sum, p) => sum + p.count, 0);
  return (
    <Panel
      title="Why pending"
      subtitle={cluster.waiting.length > 0 ? `${cluster.waiting.length} waiting` : undefined}
    >
      {cluster.waiting.length === 0 ? (
        <EmptyState title="Nothing waits">
          What asks for CPUs or GPUs that no node has free is listed here, with what it waits for.
        </EmptyState>
      ) : (
        cluster.waiting.map((w) => (
          <div key={`${w.kind}-${w.id}`} className="waiting">
            <div className="row">
              <StatusDot state="pending">
                {w.path ? <Link href={`/${team}/${w.path}`}>{w.label}</Link> : w.label}
              </StatusDot>
              <span className="grow" />
              <Age at={w.since.getTime()} />
            </div>
            <p className="t2">
              Wants {decimal(w.cpus, w.cpus % 1 ? 1 : 0)} CPUs{w.gpus > 0 && ` and ${w.gpus} GPUs`}.{" "}
              {w.message ||
                (starting > 0
                  ? `${plural(starting, "node is", "nodes are")} starting.`
                  : "The autoscaler looks again every second.")}
            </p>
          </div>
        ))
      )}
    </Panel>
  );
}
