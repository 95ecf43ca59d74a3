"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Field } from "@/components/ui/field";
import { count } from "@/components/ui/format";
import { Select } from "@/components/ui/select";
import { useToast } from "@/components/ui/toast";
import { fitsSamples, needsBaseline } from "@/server/models/contract";
import type { VersionPageData } from "./version-page";

interface Props {
  team: string;
  page: VersionPageData;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

/** Chooses what a version is measured on, and what it is compared with. */
export function EvaluateDialog({ team, page, open, onOpenChange }: Props) {
  const trpc = useTRPC();
  const toast = useToast();
  const datasets = useQuery({ ...trpc.datasets.list.queryOptions({ team, limit: 100 }), enabled: open });
  const { inspection } = page.version;
  const ancestors = page.lineage.slice(0, -1);
  const canCompare = ancestors.length > 0;
  const fitting = (datasets.data?.datasets ?? []).filter(
    ({ state, report }) =>
      state === "ready" &&
      report &&
      inspection &&
      fitsSamples(inspection, report) &&
      (canCompare || !needsBaseline(report.task)),
  );
  const [chosen, setChosen] = useState<string | null>(null);
  const datasetId = chosen ?? fitting[0]?.id ?? null;
  const [baseline, setBaseline] = useState<string>(ancestors.at(-1)?.id ?? "");
  const evaluate = useMutation(
    trpc.models.evaluate.mutationOptions({
      onSuccess: ({ number }) => {
        toast({ state: "running", title: `Run ${number} measures it.`, detail: "The result appears here." });
        onOpenChange(false);
      },
    }),
  );
  const problem = evaluate.error && readError(evaluate.error);
  const dataset = fitting.find((d) => d.id === datasetId);
  const reason = !datasetId
    ? "No dataset that is ready fits this version."
    : dataset?.report && needsBaseline(dataset.report.task) && !baseline
      ? `${dataset.name} has no labels: choose a version to compare with.`
      : undefined;
  return (
    <Dialog
      open={open}
      onOpenChange={onOpenChange}
      title={`Evaluate ${page.model.name} v${page.version.number}`}
      footer={
        <>
          <Button onClick={() => onOpenChange(false)}>Cancel</Button>
          <Button
            variant="primary"
            busy={evaluate.isPending ? "Starting…" : undefined}
            reason={reason}
            onClick={() =>
              datasetId &&
              evaluate.mutate({
                team,
                versionId: page.version.id,
                datasetId,
                baselineVersionId: baseline || null,
              })
            }
          >
            Evaluate
          </Button>
        </>
      }
    >
      <div className="col">
        <Field
          label="Dataset"
          hint={dataset?.report && `its whole test set: ${count(dataset.report.test)} samples`}
        >
          <Select
            options={fitting.map((d) => ({ value: d.id, label: d.name }))}
            value={datasetId}
            onValueChange={setChosen}
          />
        </Field>
        <Field label="Compared with" hint="on the same samples, in the same run">
          <Select
            options={[
              { value: "", label: "nothing" },
              ...ancestors.toReversed().map((v) => ({ value: v.id, label: `v${v.number}` })),
            ]}
            value={baseline}
            onValueChange={setBaseline}
          />
        </Field>
        {problem && <ProblemCallout problem={problem} />}
      </div>
    </Dialog>
  );
}
