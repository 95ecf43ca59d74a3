"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Callout } from "@/components/ui/feedback";
import { Field, Input } from "@/components/ui/field";
import { Checkbox } from "@/components/ui/toggle";
import { type Pool, poolNow, readPool, typedOf } from "./pool-form";
import { PoolHours } from "./pool-hours";
import { costsSay, poolChanges } from "./pool-preview";

const FIELDS = [
  { key: "min", label: "Nodes, at least", hint: "kept up without work", unit: undefined },
  { key: "max", label: "Nodes, at most", hint: "what the autoscaler may start", unit: undefined },
  { key: "idleSeconds", label: "Idle timeout", hint: "then a node leaves", unit: "s" },
  { key: "pricePerHour", label: "A node, per hour", hint: "empty takes it away", unit: "$" },
] as const;

interface PoolDialogProps {
  team: string;
  pool: Pool;
  /** Proposed by what waits for it. */
  max: number | undefined;
  onClose: () => void;
}

/** Limits, hours and price of a pool, with what the edit would do and cost. */
export function PoolDialog({ team, pool, max, onClose }: PoolDialogProps) {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const [typed, setTyped] = useState(() =>
    typedOf(pool, max, Intl.DateTimeFormat().resolvedOptions().timeZone),
  );
  const edit = useMutation(
    trpc.cluster.editPool.mutationOptions({
      onSuccess: async () => {
        await queryClient.invalidateQueries({ queryKey: trpc.cluster.overview.queryKey({ team }) });
        onClose();
      },
    }),
  );
  const parsed = readPool(pool.name, typed);
  const problem = edit.error && readError(edit.error);
  const errorAt = (...path: string[]) =>
    parsed.error?.issues.find((issue) => path.every((part, i) => issue.path[i] === part))?.message ??
    problem?.fields[path.join(".")];
  const now = poolNow(pool);
  const changes = parsed.success ? poolChanges(now, parsed.data) : [];
  const reason = !parsed.success
    ? "Mend what is marked first."
    : changes.length === 0
      ? "Nothing is changed."
      : undefined;
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={`Edit ${pool.name}`}
      width={480}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            reason={reason}
            busy={edit.isPending ? "Setting…" : undefined}
            onClick={() => parsed.success && edit.mutate({ team, ...parsed.data })}
          >
            Set the pool
          </Button>
        </>
      }
    >
      <div className="pool-fields">
        {FIELDS.map(({ key, label, hint, unit }) => (
          <Field key={key} label={label} hint={hint} error={errorAt(key)}>
            <Input
              value={typed[key]}
              onValueChange={(text) => setTyped((before) => ({ ...before, [key]: text }))}
              inputMode="decimal"
              unit={unit}
            />
          </Field>
        ))}
      </div>
      <div className="pool-choices">
        <Checkbox
          label="Preemptible: whoever lends its nodes may take them away at any time"
          checked={typed.preemptible}
          onCheckedChange={(preemptible) => setTyped((before) => ({ ...before, preemptible }))}
        />
        <Checkbox
          label="Other limits in office hours"
          checked={typed.hasHours}
          onCheckedChange={(hasHours) => setTyped((before) => ({ ...before, hasHours }))}
        />
      </div>
      {typed.hasHours && (
        <PoolHours
          value={typed.hours}
          onChange={(hours) => setTyped((before) => ({ ...before, hours }))}
          errorOf={(field) => errorAt("schedule", field)}
        />
      )}
      {problem && Object.keys(problem.fields).length === 0 && (
        <Callout state="bad">{problem.message}</Callout>
      )}
      {parsed.success && (
        <div className="pool-preview t2" aria-live="polite">
          {changes.map((says) => (
            <p key={says}>{says}</p>
          ))}
          <p>It costs {costsSay(parsed.data)}.</p>
          {changes.length > 0 && <p>Now: {costsSay(now)}.</p>}
          <p className="t3">
            The running cluster takes it over within seconds, without a restart; it stands from then on, over
            the configuration.
          </p>
        </div>
      )}
    </Dialog>
  );
}
