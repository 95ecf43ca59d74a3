"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { useMay } from "@/components/trpc/use-may";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { Select } from "@/components/ui/select";

interface Props {
  team: string;
  model: string;
  isPrimary?: boolean;
}

/** Chooses a version, the newest first, and releases it to staging. */
export function StageDialog({ team, model, isPrimary = false }: Props) {
  const trpc = useTRPC();
  const router = useRouter();
  const may = useMay(team);
  const [isOpen, setOpen] = useState(false);
  const [chosen, setChosen] = useState("");
  const { data } = useQuery(trpc.models.page.queryOptions({ team, model }, { enabled: isOpen }));
  const ready = (data?.versions ?? [])
    .filter(({ state }) => state === "ready")
    .toSorted((a, b) => b.number - a.number);
  const versionId = chosen || (ready[0]?.id ?? "");
  const stage = useMutation(
    trpc.releases.staging.release.mutationOptions({
      onSuccess: ({ number }) => router.push(`/${team}/releases/requests/${number}`),
    }),
  );
  const problem = stage.error && readError(stage.error);
  return (
    <>
      <Button
        variant={isPrimary ? "primary" : undefined}
        reason={may("release.stage") ? undefined : "Takes the role engineer."}
        reasonAt="hidden"
        onClick={() => setOpen(true)}
      >
        Release to staging…
      </Button>
      <Dialog
        open={isOpen}
        onOpenChange={setOpen}
        title={`Release ${model} to staging`}
        footer={
          <>
            <Button onClick={() => setOpen(false)}>Cancel</Button>
            <Button
              variant="primary"
              busy={stage.isPending ? "Releasing…" : undefined}
              reason={versionId ? undefined : "No version is ready."}
              onClick={() => stage.mutate({ team, versionId })}
            >
              Release to staging
            </Button>
          </>
        }
      >
        <div className="col">
          <p className="t2">
            It is measured against what serves production, and serves as {model}@staging once no gate holds it
            up. Production does not change.
          </p>
          <Field label="Version">
            <Select
              options={ready.map(({ id, number }) => ({ value: id, label: `v${number}` }))}
              value={versionId}
              onValueChange={setChosen}
            />
          </Field>
          {problem && <ProblemCallout problem={problem} />}
        </div>
      </Dialog>
    </>
  );
}
