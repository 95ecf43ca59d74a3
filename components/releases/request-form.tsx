"use client";
import { useMutation, useSuspenseQuery } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { type FormEvent, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { useMay } from "@/components/trpc/use-may";
import { Button, LinkButton } from "@/components/ui/button";
import { Checklist } from "@/components/ui/checklist";
import { Digest } from "@/components/ui/digest";
import { Callout } from "@/components/ui/feedback";
import { Field, Textarea } from "@/components/ui/field";
import { figureOf } from "@/components/ui/figure";
import { bytes, count } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { DefinitionList, Panel } from "@/components/ui/panel";
import { Select } from "@/components/ui/select";
import { approvalsInWords, rulesInWords } from "@/server/releases/policy-contract";
import { readDraft, StrategyField, useStrategy } from "./strategy-field";
import { policyTitle } from "./words";

/** Asks for production: why, on which samples, and what will be checked. */
export function RequestForm({ team, versionId }: { team: string; versionId: string }) {
  const trpc = useTRPC();
  const router = useRouter();
  const may = useMay(team);
  const { data: form } = useSuspenseQuery(trpc.releases.requestForm.queryOptions({ team, versionId }));
  const [datasetId, setDatasetId] = useState(form.measured?.datasetId ?? form.datasets[0]?.id ?? "");
  const [note, setNote] = useState("");
  const [draft, setDraft] = useStrategy();
  const { strategy, problem: wrong } = { strategy: undefined, ...readDraft(draft) };
  const breaks = draft.kind === "shadow" ? form.breaks.shadow : form.breaks.canary;
  const create = useMutation(
    trpc.releases.createRequest.mutationOptions({
      onSuccess: ({ number }) => router.push(`/${team}/releases/requests/${number}`),
    }),
  );
  const problem = create.error && readError(create.error);
  const name = `${form.model} v${form.version}`;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (strategy) create.mutate({ team, versionId, datasetId, note, strategy });
  };
  const dataset = form.datasets.find((d) => d.id === datasetId);
  const reason = !may("release.request")
    ? "Requesting takes the role engineer."
    : form.openRequest !== null
      ? `Request ${form.openRequest} is still open.`
      : form.datasets.length === 0
        ? "No dataset that is ready fits this version."
        : breaks && draft.kind !== "at_once"
          ? `A ${draft.kind} would break clients.`
          : wrong && "How traffic moves is not said yet.";
  return (
    <>
      <PageHeader
        title={`Request production for ${name}`}
        crumbs={[
          { label: "Releases", href: `/${team}/releases` },
          { label: form.model, href: `/${team}/releases/${form.model}` },
          { label: "Request" },
        ]}
      />
      <div className="request-form">
        <Panel title="Request" padded>
          <form className="col" onSubmit={submit}>
            {problem && !problem.fields.note && <ProblemCallout problem={problem} />}
            {form.openRequest !== null && (
              <Callout
                state="warning"
                actions={
                  <LinkButton href={`/${team}/releases/requests/${form.openRequest}`}>
                    Open request {form.openRequest}
                  </LinkButton>
                }
              >
                {name} is requested already.
              </Callout>
            )}
            <Field
              label="Why should it serve?"
              hint="The approver reads this beside the evidence."
              error={problem?.fields.note}
            >
              <Textarea value={note} onValueChange={setNote} rows={5} required maxLength={4000} />
            </Field>
            <Field
              label="Measured on"
              hint={
                dataset &&
                `${count(dataset.testSamples)} test samples, the same for both versions${form.serving ? "" : "; nothing serves yet, so the candidate is measured alone"}`
              }
            >
              <Select
                options={form.datasets.map((d) => ({
                  value: d.id,
                  label: d.name,
                  hint: `${count(d.testSamples)} test samples`,
                }))}
                value={datasetId}
                onValueChange={setDatasetId}
              />
            </Field>
            <StrategyField draft={draft} onDraft={setDraft} breaks={breaks} />
            <div className="row">
              <Button
                variant="primary"
                size="lg"
                type="submit"
                busy={create.isPending ? "Requesting…" : undefined}
                reason={reason}
              >
                Request production
              </Button>
            </div>
          </form>
        </Panel>
        <div className="col">
          <Panel title="What would change" padded>
            <DefinitionList
              items={[
                [
                  "Now",
                  form.serving ? (
                    <span key="now">
                      <i className="key production" />v{form.serving.version}{" "}
                      <Digest value={form.serving.digest} />
                    </span>
                  ) : (
                    "nothing serves"
                  ),
                ],
                [
                  "Candidate",
                  <span key="candidate">
                    <i className="key candidate" />v{form.version} <Digest value={form.digest} />,{" "}
                    {bytes(form.bytes)}
                  </span>,
                ],
                [
                  "Last measured",
                  form.measured
                    ? `${figureOf(form.measured.task).name} ${figureOf(form.measured.task).value(form.measured.accuracy)}, n = ${count(form.measured.n)}`
                    : "not measured",
                ],
              ]}
            />
          </Panel>
          <Panel title="What will be checked" subtitle={policyTitle(form.policy)}>
            <Checklist
              label="Gates"
              items={[
                ...rulesInWords(dataset?.task ?? "classification", form.policy.rules),
                `Approved by ${approvalsInWords(form.policy.rules.approvals)}, not by you`,
              ].map((label) => ({ id: label, label, state: "pending" as const }))}
            />
          </Panel>
        </div>
      </div>
    </>
  );
}
