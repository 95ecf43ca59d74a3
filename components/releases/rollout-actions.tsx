"use client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { useMay } from "@/components/trpc/use-may";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import type { RolloutPage } from "./words";

/** On, hold, back, abort: each press names what its person saw, so nobody moves what somebody else just moved. */
export function RolloutActions({ team, rollout }: { team: string; rollout: RolloutPage }) {
  const trpc = useTRPC();
  const may = useMay(team);
  const advance = useMutation(trpc.releases.advanceRollout.mutationOptions());
  const restrain = useMutation(trpc.releases.restrainRollout.mutationOptions());
  const [isAborting, setAborting] = useState(false);
  const [reason, setReason] = useState("");
  const { phase, step, isHeld, strategy, sides } = rollout;
  const [candidate, reference] = sides;
  const seen = { team, rolloutId: rollout.id, phase, step };
  const isUnderWay = phase === "canary" || phase === "shadow";
  const mayAdvance = may("release.approve") ? undefined : "Takes the role approver.";
  const mayRestrain = may("release.rollback") ? undefined : "Takes the role approver, operator or admin.";
  const problem = advance.error ?? restrain.error;
  const next = strategy.kind === "canary" && phase === "canary" ? strategy.steps[step + 1] : 100;
  const before = strategy.kind === "canary" && phase === "canary" ? strategy.steps[step - 1] : undefined;
  return (
    <div className="col">
      <div className="row wrap">
        {isUnderWay && (
          <Button
            variant="primary"
            reason={mayAdvance}
            reasonAt="hidden"
            busy={advance.isPending ? "Moving traffic…" : undefined}
            onClick={() => advance.mutate({ ...seen, move: "next" })}
          >
            Next step: {next}%
          </Button>
        )}
        {isUnderWay &&
          (isHeld ? (
            <Button
              reason={mayAdvance}
              reasonAt="hidden"
              onClick={() => advance.mutate({ ...seen, move: "resume" })}
            >
              Go on
            </Button>
          ) : (
            <Button
              reason={mayRestrain}
              reasonAt="hidden"
              onClick={() => restrain.mutate({ ...seen, move: "hold" })}
            >
              Hold
            </Button>
          ))}
        {before !== undefined && (
          <Button
            reason={mayRestrain}
            reasonAt="hidden"
            onClick={() => restrain.mutate({ ...seen, move: "back" })}
          >
            Back to {before}%
          </Button>
        )}
        {(isUnderWay || phase === "preparing") && (
          <Button variant="danger" reason={mayRestrain} reasonAt="hidden" onClick={() => setAborting(true)}>
            Abort…
          </Button>
        )}
      </div>
      {phase === "baking" && (
        <p className="t2 s12">Roll back is the way out now; a rule that fires presses it.</p>
      )}
      {problem && <ProblemCallout problem={readError(problem)} />}
      <ConfirmDialog
        open={isAborting}
        onOpenChange={setAborting}
        title={`Abort the rollout of v${candidate?.version}?`}
        confirm="Abort"
        keep="Keep it"
        danger
        onConfirm={() => restrain.mutateAsync({ ...seen, move: "abort", reason })}
      >
        <p className="mb-3">
          {reference
            ? `All traffic goes to v${reference.version} at once.`
            : "Nothing changes in production."}{" "}
          v{candidate?.version} needs a new request.
        </p>
        <Field label="Why, one sentence; may be left out">
          <Input value={reason} onValueChange={setReason} maxLength={1000} />
        </Field>
      </ConfirmDialog>
    </div>
  );
}
