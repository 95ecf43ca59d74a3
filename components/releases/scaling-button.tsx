"use client";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field, Input } from "@/components/ui/field";
import { plural } from "@/components/ui/format";
import type { Scaling } from "@/server/releases/scaling-contract";
import { laneOf, type ModelPage } from "./words";

/** "1 to 4, 8 requests each". */
export const scalingWords = ({ min, max, target, idleMinutes }: Scaling): string =>
  min === 0
    ? `up to ${max}, ${target} requests in flight each; none after ${plural(idleMinutes, "minute")} without a request`
    : min === max
      ? `${min} for each version that serves`
      : `${min} to ${max}, ${target} requests in flight each`;

const FORM = "scaling";
const FIELDS = [
  { name: "min", label: "At least", unit: "replicas" },
  { name: "max", label: "At most", unit: "replicas" },
  { name: "target", label: "Requests in flight", unit: "each" },
  { name: "idleMinutes", label: "With at least 0, it sleeps after", unit: "idle minutes" },
] as const;

/** Chooses between how many replicas the load decides. */
export function ScalingButton({ team, page }: { team: string; page: ModelPage }) {
  const trpc = useTRPC();
  const may = useMay(team);
  const [isOpen, setOpen] = useState(false);
  const save = useMutation(trpc.releases.setScaling.mutationOptions({ onSuccess: () => setOpen(false) }));
  const problem = save.error ? readError(save.error) : null;
  const hasOwnPlace = FIELDS.some(({ name }) => problem?.fields[name]);
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const values = new FormData(event.currentTarget);
    const of = (name: keyof Scaling) => Number(values.get(name));
    const [min, max, target, idleMinutes] = [of("min"), of("max"), of("target"), of("idleMinutes")];
    save.mutate({ team, ...laneOf(page), min, max, target, idleMinutes });
  };
  return (
    <>
      <Button
        size="sm"
        reason={may("release.rollback") ? undefined : "Takes the role approver, operator or admin."}
        reasonAt="hidden"
        onClick={() => setOpen(true)}
      >
        Scale…
      </Button>
      <Dialog
        open={isOpen}
        onOpenChange={setOpen}
        title={`Replicas of ${page.model.name} in ${page.environment}`}
        footer={
          <>
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button variant="primary" type="submit" form={FORM} busy={save.isPending ? "Saving…" : undefined}>
              Scale
            </Button>
          </>
        }
      >
        <form id={FORM} className="col" onSubmit={submit}>
          <p className="t2">
            More start as soon as the load needs them; they leave after three quiet minutes. With at least 0
            the model sleeps once nobody asks, and the first request waits while it wakes.
          </p>
          {FIELDS.map(({ name, label, unit }) => (
            <Field
              key={name}
              label={label}
              error={problem?.fields[name] ?? (name === "min" && !hasOwnPlace ? problem?.message : undefined)}
            >
              <Input name={name} inputMode="numeric" defaultValue={String(page.scaling[name])} unit={unit} />
            </Field>
          ))}
        </form>
      </Dialog>
    </>
  );
}
