"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Callout } from "@/components/ui/feedback";
import { Field, Input } from "@/components/ui/field";
import { EditPool } from "@/server/cluster/contract";
import { mostPerHour, poolChanges } from "./pool-preview";
import type { ClusterOverview } from "./types";

type Pool = ClusterOverview["pools"][number];
const FIELDS = [
  { key: "min", label: "Nodes, at least", hint: "kept up without work", unit: undefined },
  { key: "max", label: "Nodes, at most", hint: "what the autoscaler may start", unit: undefined },
  { key: "idleSeconds", label: "Idle timeout", hint: "then a node leaves", unit: "s" },
  { key: "pricePerHour", label: "A node, per hour", hint: "empty takes it away", unit: "$" },
] as const;
type Key = (typeof FIELDS)[number]["key"];

interface PoolDialogProps {
  team: string;
  pool: Pool;
  /** Proposed by what waits for it. */
  max: number | undefined;
  onClose: () => void;
}

/** Limits and price of a pool, with what the edit would do and cost at most. */
export function PoolDialog({ team, pool, max, onClose }: PoolDialogProps) {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const [typed, setTyped] = useState<Record<Key, string>>({
    min: String(pool.min),
    max: String(max ?? pool.max),
    idleSeconds: String(pool.idleSeconds),
    pricePerHour: pool.pricePerHour?.toString() ?? "",
  });
  const edit = useMutation(
    trpc.cluster.editPool.mutationOptions({
      onSuccess: async () => {
        await queryClient.invalidateQueries({ queryKey: trpc.cluster.overview.queryKey({ team }) });
        onClose();
      },
    }),
  );
  const read = (text: string) => (text.trim() === "" ? Number.NaN : Number(text));
  const parsed = EditPool.safeParse({
    pool: pool.name,
    min: read(typed.min),
    max: read(typed.max),
    idleSeconds: read(typed.idleSeconds),
    pricePerHour: typed.pricePerHour.trim() === "" ? null : read(typed.pricePerHour),
  });
  const problem = edit.error && readError(edit.error);
  const errorOf = (key: Key) =>
    parsed.error?.issues.find(({ path }) => path[0] === key)?.message ?? problem?.fields[key];
  const changes = parsed.success ? poolChanges(pool, parsed.data) : [];
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
          <Field key={key} label={label} hint={hint} error={errorOf(key)}>
            <Input
              value={typed[key]}
              onValueChange={(text) => setTyped((before) => ({ ...before, [key]: text }))}
              inputMode="decimal"
              unit={unit}
            />
          </Field>
        ))}
      </div>
      {problem && Object.keys(problem.fields).length === 0 && (
        <Callout state="bad">{problem.message}</Callout>
      )}
      {parsed.success && (
        <div className="pool-preview t2" aria-live="polite">
          {changes.map((says) => (
            <p key={says}>{says}</p>
          ))}
          <p>
            It costs at most {mostPerHour(parsed.data)}; now: {mostPerHour(pool)}.
          </p>
          <p className="t3">These limits stand from then on, over those of the configuration.</p>
        </div>
      )}
    </Dialog>
  );
}
