"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Checkbox } from "@/components/ui/toggle";
import { PoolFields } from "./pool-fields";
import { issueAt, type Pool, poolNow, readPool, typedOf } from "./pool-form";
import { appliedSays, costsSay, type PoolValues, poolChanges } from "./pool-preview";
import { ReplayLine } from "./replay-line";

interface PoolDialogProps {
  team: string;
  pool: Pool;
  /** Whether the running cluster takes limits from here. */
  followsPools: boolean;
  /** Proposed by what waits for it, or by a replay. */
  proposed: Partial<PoolValues>;
  onClose: () => void;
}

/** Limits, hours and price of a pool, with what the edit would do and cost. */
export function PoolDialog({ team, pool, followsPools, proposed, onClose }: PoolDialogProps) {
  const trpc = useTRPC();
  const queryClient = useQueryClient();
  const [typed, setTyped] = useState(() =>
    typedOf({ ...poolNow(pool), ...proposed }, Intl.DateTimeFormat().resolvedOptions().timeZone),
  );
  const now = poolNow(pool);
  const [was, setWas] = useState<PoolValues>(now);
  const edit = useMutation(
    trpc.cluster.editPool.mutationOptions({
      onSuccess: async () => {
        // No event tells a replay that other limits hold.
        void queryClient.invalidateQueries({ queryKey: trpc.cluster.replay.pathKey() });
        await queryClient.invalidateQueries({ queryKey: trpc.cluster.overview.queryKey({ team }) });
        onClose();
      },
      // Refused once, the next press is by somebody who was told.
      onError: (error) => readError(error).reason === "pool_moved" && setWas(now),
    }),
  );
  const parsed = readPool(pool.name, typed);
  const problem = edit.error && readError(edit.error);
  const refused = (field: string) =>
    problem?.fields[field] && [problem.fields[field], problem.remedy].filter(Boolean).join(" ");
  const errorAt = (...path: string[]) => issueAt(parsed, path) ?? refused(path.join("."));
  const changes = parsed.success ? poolChanges(now, parsed.data) : [];
  const reason = !parsed.success
    ? "Mend what is marked first."
    : changes.length === 0
      ? "Nothing is changed."
      : undefined;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (parsed.success) edit.mutate({ team, ...parsed.data, was });
  };
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
            type="submit"
            form="pool"
            reason={reason}
            busy={edit.isPending ? "Setting…" : undefined}
          >
            Set the pool
          </Button>
        </>
      }
    >
      <form id="pool" onSubmit={submit}>
        <PoolFields
          typed={typed}
          onChange={(next) => {
            edit.reset();
            setTyped(next);
          }}
          errorAt={errorAt}
          choices={
            <Checkbox
              label="Preemptible: whoever lends its nodes may take them away at any time"
              checked={typed.preemptible}
              onCheckedChange={(preemptible) => setTyped((before) => ({ ...before, preemptible }))}
            />
          }
        />
      </form>
      {problem && Object.keys(problem.fields).length === 0 && <ProblemCallout problem={problem} />}
      {parsed.success && (
        <div className="pool-preview t2" aria-live="polite">
          {changes.map((says) => (
            <p key={says}>{says}</p>
          ))}
          <p>Cost: {costsSay(parsed.data)}.</p>
          {changes.length > 0 && <p>Now: {costsSay(now)}.</p>}
          {changes.length > 0 && <ReplayLine team={team} limits={parsed.data} />}
          <p className="t3">{appliedSays(followsPools)}</p>
        </div>
      )}
    </Dialog>
  );
}
