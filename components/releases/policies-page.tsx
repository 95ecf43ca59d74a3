"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { QueryError } from "@/components/trpc/query-error";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button } from "@/components/ui/button";
import { Digest } from "@/components/ui/digest";
import { Callout, EmptyState, Skeleton } from "@/components/ui/feedback";
import { Field } from "@/components/ui/field";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { Select } from "@/components/ui/select";
import { StatusDot } from "@/components/ui/status";
import { Table } from "@/components/ui/table";
import { useToast } from "@/components/ui/toast";
import type { Environment } from "@/server/releases/contract";
import { approvalsInWords, type PolicyRules, rulesInWords } from "@/server/releases/policy-contract";
import { EnvironmentTabs, useEnvironment } from "./environment";
import { draftOf, readDraft } from "./policy-draft";
import { PolicyForm } from "./policy-form";
import { policyTitle } from "./words";

type Page = Outputs["releases"]["policies"]["page"];
const TEAM = "team";

/** What an environment asks of a version: for the whole team, and for models that have a policy of their own. */
export function PoliciesPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const [environment, setEnvironment] = useEnvironment();
  const [chosen, setChosen] = useState(TEAM);
  const modelId = chosen === TEAM ? null : chosen;
  const {
    data: models = [],
    error,
    refetch,
  } = useQuery(trpc.releases.policies.scopes.queryOptions({ team }));
  return (
    <>
      <PageHeader
        title="Policies"
        meta="what an environment asks of a version; every change is a revision and is in the audit log"
        crumbs={[{ label: "Settings", href: `/${team}/settings` }, { label: "Policies" }]}
      />
      <EnvironmentTabs label="Policies of" value={environment} onValueChange={setEnvironment}>
        <div className="policy-scope">
          <Field label="Policy of">
            <Select
              options={[
                { value: TEAM, label: "Every model", hint: "unless it has its own" },
                ...models.map((m) => ({
                  value: m.id,
                  label: m.name,
                  hint: m.hasOwn[environment] ? "its own" : "as the team",
                })),
              ]}
              value={chosen}
              onValueChange={setChosen}
            />
          </Field>
        </div>
        {error && (
          <Panel title="Models" className="mb-3">
            <QueryError error={error} remedy="The team’s policy is below." onRetry={refetch} />
          </Panel>
        )}
        <Scope key={`${environment} ${chosen}`} team={team} environment={environment} modelId={modelId} />
      </EnvironmentTabs>
    </>
  );
}

interface ScopeProps {
  team: string;
  environment: Environment;
  modelId: string | null;
}

function Scope({ team, environment, modelId }: ScopeProps) {
  const trpc = useTRPC();
  const {
    data: page,
    error,
    refetch,
  } = useQuery(trpc.releases.policies.page.queryOptions({ team, environment, modelId }));
  if (page) {
    const read = async () => (await refetch()).data;
    return <Loaded team={team} environment={environment} modelId={modelId} page={page} read={read} />;
  }
  if (error) {
    return (
      <Panel title="Policy">
        <QueryError error={error} remedy="What is in force stays in force." onRetry={refetch} />
      </Panel>
    );
  }
  return <Loading />;
}

/** The fields of each panel, in rows. */
const FIELDS = [
  ["Figures", 4],
  ["Size and latency", 3],
  ["Approvals and time", 2],
] as const;

/** The panels of a policy while it is on its way. */
const Loading = () => (
  <div className="evidence-columns" aria-busy="true">
    <div className="col">
      {FIELDS.map(([title, fields]) => (
        <Panel key={title} title={title} padded>
          <div className="policy-row">
            {Array.from({ length: fields }, (_, i) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: they stand for fields that are not there yet
              <div key={i} className="col">
                <Skeleton width={96} />
                <Skeleton height={28} />
              </div>
            ))}
          </div>
        </Panel>
      ))}
    </div>
    <Revisions page={null} />
  </div>
);

interface LoadedProps extends ScopeProps {
  page: Page;
  read: () => Promise<Page | undefined>;
}

function Loaded({ team, environment, modelId, page, read }: LoadedProps) {
  const may = useMay(team);
  /** What the form was filled from; another's revision does not take one's draft away. */
  const [base, setBase] = useState(page);
  const reload = async () => {
    const newest = await read();
    if (newest) setBase(newest);
  };
  return (
    <div className="evidence-columns">
      <div className="col">
        {page.revision !== base.revision && (
          <Callout
            state="warning"
            actions={<Button onClick={() => setBase(page)}>Show revision {page.revision}</Button>}
          >
            Revision {page.revision} was saved meanwhile; what you typed is based on revision {base.revision}.
          </Callout>
        )}
        {may("policy.edit") ? (
          <Editor
            key={`${base.revision} ${base.policy.revision}`}
            team={team}
            environment={environment}
            modelId={modelId}
            base={base}
            onSaved={reload}
          />
        ) : (
          <ReadOnly page={page} />
        )}
      </div>
      <Revisions page={page} />
    </div>
  );
}

interface EditorProps extends ScopeProps {
  base: Page;
  onSaved: () => Promise<void>;
}

function Editor({ team, environment, modelId, base, onSaved }: EditorProps) {
  const trpc = useTRPC();
  const toast = useToast();
  const [draft, setDraft] = useState(() => draftOf(base.policy.rules));
  const { rules, errors } = readDraft(environment, draft);
  const save = useMutation(
    trpc.releases.policies.save.mutationOptions({
      onSuccess: async ({ revision, judgedAgain }) => {
        toast({
          state: "ok",
          title: `Revision ${revision} is in force${judgedAgain > 0 ? `; ${judgedAgain} open judged again` : ""}.`,
        });
        await onSaved();
      },
    }),
  );
  const scope = { team, environment, modelId, basedOn: base.revision };
  const hasOwn = modelId !== null && base.policy.modelId === modelId;
  const problem = save.error && readError(save.error);
  const wrong = Object.keys(errors).length;
  return (
    <>
      <PolicyForm environment={environment} draft={draft} errors={errors} onChange={setDraft} />
      {rules && <Preview team={team} environment={environment} modelId={modelId} rules={rules} />}
      {problem && <ProblemCallout problem={problem} />}
      <div className="row">
        <Button
          variant="primary"
          size="lg"
          busy={save.isPending ? "Saving…" : undefined}
          reason={rules ? undefined : `${wrong === 1 ? "A field is" : `${wrong} fields are`} not right yet.`}
          onClick={() => rules && save.mutate({ ...scope, rules })}
        >
          {modelId !== null && !hasOwn ? "Save as this model’s own" : "Save"}
        </Button>
        {hasOwn && (
          <Button size="lg" onClick={() => save.mutate({ ...scope, rules: null })}>
            Follow the team’s policy again
          </Button>
        )}
      </div>
    </>
  );
}

/** How open requests would stand. */
function Preview({ team, environment, modelId, rules }: ScopeProps & { rules: PolicyRules }) {
  const trpc = useTRPC();
  const {
    data: rows,
    error,
    refetch,
  } = useQuery(
    trpc.releases.policies.preview.queryOptions(
      { team, environment, modelId, rules },
      { placeholderData: (before) => before },
    ),
  );
  if (error && !rows) {
    return (
      <Panel title="Under this policy">
        <QueryError
          error={error}
          remedy="It can be saved without a look at the requests that are open."
          onRetry={refetch}
        />
      </Panel>
    );
  }
  return (
    <Panel
      title="Under this policy"
      subtitle="how the requests that are open would stand; nothing is changed yet"
    >
      <Table
        label="Open requests under this policy"
        rows={rows ?? []}
        rowKey={(r) => String(r.number)}
        loading={!rows}
        empty={
          <EmptyState title="No request is open">There is nothing that this would judge again.</EmptyState>
        }
        columns={[
          { key: "number", head: "Request", cell: (r) => <span className="m">Request {r.number}</span> },
          { key: "model", head: "Model", cell: (r) => r.model },
          { key: "now", head: "Now", width: "34%", cell: (r) => <Gates gates={r.now} /> },
          { key: "under", head: "Then", width: "34%", cell: (r) => <Gates gates={r.under} /> },
          {
            key: "voided",
            head: "Approvals void",
            align: "end",
            cell: (r) => r.voided || <span className="t3">none</span>,
          },
        ]}
      />
    </Panel>
  );
}

function Gates({ gates }: { gates: readonly { label: string; blocks: boolean; words: string }[] }) {
  const blocking = gates.filter((gate) => gate.blocks);
  if (blocking.length === 0) return <StatusDot state="ok">{gates.length} let it pass</StatusDot>;
  return (
    <span className="wrap" title={blocking.map((g) => `${g.label}: ${g.words}`).join("\n")}>
      <StatusDot state="bad">{blocking.map((g) => g.label).join("; ")}</StatusDot>
    </span>
  );
}

function ReadOnly({ page }: { page: Page }) {
  const { rules } = page.policy;
  const lines = [
    ...rulesInWords("classification", rules),
    `Approved by ${approvalsInWords(rules.approvals)}`,
  ];
  return (
    <Panel title={policyTitle(page.policy)} subtitle="only an admin changes it" padded>
      <ul className="col">
        {lines.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </Panel>
  );
}

/** Every revision of a scope; null while they are on their way. */
function Revisions({ page }: { page: Page | null }) {
  return (
    <Panel title="Revisions" subtitle={page ? `in force: ${policyTitle(page.policy)}` : undefined}>
      <Table
        label="Revisions of this policy"
        rows={page?.revisions ?? []}
        loading={!page}
        rowKey={(r) => String(r.revision)}
        empty={<EmptyState title="Never changed">The product’s own policy is in force.</EmptyState>}
        columns={[
          { key: "revision", head: "Revision", cell: (r) => <span className="m">{r.revision}</span> },
          {
            key: "digest",
            head: "Digest",
            cell: (r) => (r.rules ? <Digest value={r.digest} /> : <span className="t2">taken away</span>),
          },
          { key: "by", head: "By", cell: (r) => r.by },
          { key: "at", head: "When", align: "end", cell: (r) => <Age at={r.at.getTime()} form="ago" /> },
        ]}
      />
    </Panel>
  );
}
