"use client";
import { useState } from "react";
import { useMay } from "@/components/trpc/use-may";
import { Button, LinkButton } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { PoolFields } from "./pool-fields";
import { issueAt, type Pool, poolNow, readPool, typedOf } from "./pool-form";
import { poolChanges } from "./pool-preview";
import { type PoolLimits, poolPath } from "./replay-address";

interface ReplayLimitsProps {
  team: string;
  pool: Pool;
  /** What is asked about, of all pools. */
  limits: readonly PoolLimits[];
  /** Null for the limits that it has. */
  onEdit: (limits: PoolLimits | null) => void;
  onReset: () => void;
}

/** The limits under which a pool is played; they are not set before its dialog is confirmed. */
export function ReplayLimits({ team, pool, limits, onEdit, onReset }: ReplayLimitsProps) {
  const may = useMay(team);
  const now = poolNow(pool);
  const edited = limits.find((one) => one.pool === pool.name);
  const [typed, setTyped] = useState(() =>
    typedOf(edited ?? now, Intl.DateTimeFormat().resolvedOptions().timeZone),
  );
  const parsed = readPool(pool.name, typed);
  return (
    <Panel
      title={<span className="m">{pool.name}</span>}
      subtitle={edited ? "edited here, not set" : "as it is"}
      padded
    >
      <PoolFields
        typed={typed}
        onChange={(next) => {
          setTyped(next);
          const read = readPool(pool.name, next);
          if (read.success) onEdit(poolChanges(now, read.data).length > 0 ? read.data : null);
        }}
        errorAt={(...path) => issueAt(parsed, path)}
      />
      <div className="row replay-acts">
        {may("pool.edit") ? (
          <LinkButton size="sm" href={poolPath(team, pool.name, limits)}>
            Edit the pool…
          </LinkButton>
        ) : (
          <Button size="sm" reason="It takes an operator or an admin.">
            Edit the pool…
          </Button>
        )}
        {edited && (
          <Button size="sm" variant="ghost" onClick={onReset}>
            Back to its limits
          </Button>
        )}
      </div>
    </Panel>
  );
}
