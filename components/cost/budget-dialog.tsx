"use client";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { Checkbox } from "@/components/ui/toggle";
import { issueSays, readNumber } from "@/components/ui/typed";
import { EditBudget } from "@/server/cost/contract";
import { budgetSays } from "./budget-preview";
import type { Cost } from "./types";

/** The budget of every month from now on, with what it would mean for this one. */
export function BudgetDialog({ team, cost, onClose }: { team: string; cost: Cost; onClose: () => void }) {
  const trpc = useTRPC();
  // What it was when the form was opened: who saves over another's change is told.
  const [{ revision, ...before }] = useState(cost.budget);
  const [typed, setTyped] = useState({
    amount: before.amount?.toString() ?? "",
    thresholds: before.thresholds.join(", "),
    isHard: before.isHard,
  });
  const edit = useMutation(trpc.cost.editBudget.mutationOptions({ onSuccess: onClose }));
  const parsed = EditBudget.safeParse({
    amount: typed.amount.trim() === "" ? null : readNumber(typed.amount),
    thresholds: typed.thresholds.split(",").map(readNumber),
    isHard: typed.isHard,
    basedOn: revision,
  });
  const problem = edit.error && readError(edit.error);
  const errorOf = (field: "amount" | "thresholds") => {
    const issue = parsed.error?.issues.find(({ path }) => path[0] === field);
    return issue && issueSays(issue);
  };
  const isSame =
    parsed.success &&
    JSON.stringify([parsed.data.amount, parsed.data.thresholds, parsed.data.isHard]) ===
      JSON.stringify([before.amount, before.thresholds, before.isHard]);
  const reason = parsed.success ? (isSame ? "Nothing is changed." : undefined) : "Mend what is marked first.";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (parsed.success) edit.mutate({ team, ...parsed.data });
  };
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title="Budget of a month"
      width={480}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            type="submit"
            form="budget"
            reason={reason}
            busy={edit.isPending ? "Setting…" : undefined}
          >
            Set the budget
          </Button>
        </>
      }
    >
      <form id="budget" className="col" onSubmit={submit}>
        <Field
          label="At most, a month"
          hint="of what this team's work takes; empty is no budget"
          error={errorOf("amount")}
        >
          <Input
            value={typed.amount}
            onValueChange={(amount) => setTyped((all) => ({ ...all, amount }))}
            inputMode="decimal"
            unit="$"
          />
        </Field>
        <Field label="Told at" hint="percent of it, such as 50, 80, 100" error={errorOf("thresholds")}>
          <Input
            value={typed.thresholds}
            onValueChange={(thresholds) => setTyped((all) => ({ ...all, thresholds }))}
            unit="%"
          />
        </Field>
        <Checkbox
          label="A hard cap: once it is spent nothing new is launched; what runs and what serves goes on"
          checked={typed.isHard}
          onCheckedChange={(isHard) => setTyped((all) => ({ ...all, isHard }))}
        />
      </form>
      {problem && <ProblemCallout problem={problem} />}
      {parsed.success && (
        <div className="pool-preview t2" aria-live="polite">
          {budgetSays(parsed.data, cost).map((says) => (
            <p key={says}>{says}</p>
          ))}
          <p className="t3">Months are those of UTC.</p>
        </div>
      )}
    </Dialog>
  );
}
