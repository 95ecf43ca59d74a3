"use client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { TextAction } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/dialog";
import { Field, Input, Textarea } from "@/components/ui/field";
import { StatusDot } from "@/components/ui/status";
import { useToast } from "@/components/ui/toast";
import type { RequestPage } from "./words";

const SHORTEST_REASON = 20;

/** The mark that a release without approvals keeps. */
export function BrokenGlass({ reason }: { reason: string }) {
  return (
    <>
      {" "}
      <StatusDot state="warning" title={reason}>
        without approval
      </StatusDot>
    </>
  );
}

/** For an admin, when nobody else can approve: one press, a reason, and the version's name by hand. */
export function BreakGlass({ team, page }: { team: string; page: RequestPage }) {
  const trpc = useTRPC();
  const toast = useToast();
  const may = useMay(team);
  const [isAsking, setAsking] = useState(false);
  const [reason, setReason] = useState("");
  const [name, setName] = useState("");
  const breakGlass = useMutation(trpc.releases.breakGlass.mutationOptions());
  if (!may("release.break_glass")) return null;
  const right = `${page.model} v${page.candidate.number}`;
  const missing = SHORTEST_REASON - reason.trim().length;
  return (
    <div className="glass mt-2">
      <TextAction onClick={() => setAsking(true)}>Release without approval…</TextAction>
      <ConfirmDialog
        open={isAsking}
        onOpenChange={setAsking}
        title={`Release ${right} without approval?`}
        confirm="Release without approval"
        keep="Not now"
        danger
        onConfirm={async () => {
          await breakGlass.mutateAsync({ team, number: page.number, name, reason });
          toast({ state: "warning", title: `${right} is being prepared, without approval.` });
        }}
        reason={
          missing > 0
            ? `The reason needs ${missing} more characters.`
            : name.trim() === right
              ? undefined
              : `Type ${right}.`
        }
      >
        <p className="mb-3">
          Its gates, approvals and freeze windows are passed over. The release, this request, the timeline and
          the audit log keep your name and reason for ever.
        </p>
        <div className="col">
          <Field label="Why can’t it wait?">
            <Textarea value={reason} onValueChange={setReason} rows={3} maxLength={1000} />
          </Field>
          <Field label={`Type ${right}`}>
            <Input value={name} onValueChange={setName} autoComplete="off" />
          </Field>
        </div>
      </ConfirmDialog>
    </div>
  );
}
