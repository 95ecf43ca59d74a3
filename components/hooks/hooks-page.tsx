"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { QueryError } from "@/components/trpc/query-error";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button, TextAction } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/dialog";
import { EmptyState } from "@/components/ui/feedback";
import { ms } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { Table } from "@/components/ui/table";
import { useUrlState } from "@/components/ui/use-url-state";
import { NewHookDialog } from "./new-hook-dialog";
import { RenewSecretDialog } from "./renew-secret-dialog";

type Hook = Outputs["hooks"]["list"][number];
type Delivery = Outputs["hooks"]["deliveries"][number];

const NEW = "new";
const ONLY_ADMINS = "It takes an admin.";

/** Where the team's events are sent, and what became of each. */
export function HooksPage({ team }: { team: string }) {
  const may = useMay(team)("webhook.manage");
  const [opened, open] = useUrlState("hook");
  return (
    <>
      <PageHeader
        title="Webhooks"
        meta="signed messages to other programs; tried for a day until they arrive"
        crumbs={[{ label: "Settings", href: `/${team}/settings` }, { label: "Webhooks" }]}
        actions={
          <Button variant="primary" onClick={() => open(NEW)} reason={may ? undefined : ONLY_ADMINS}>
            Add…
          </Button>
        }
      />
      {may ? (
        <div className="g">
          <Endpoints team={team} />
          <Deliveries team={team} />
        </div>
      ) : (
        <Panel title="Endpoints">
          <EmptyState title="Webhooks are for admins">
            Their addresses and what was sent to them are shown to those who manage them.
          </EmptyState>
        </Panel>
      )}
      <NewHookDialog team={team} open={may && opened === NEW} onClose={() => open("")} />
    </>
  );
}

function Endpoints({ team }: { team: string }) {
  const trpc = useTRPC();
  const { data: hooks, error, refetch } = useQuery(trpc.hooks.list.queryOptions({ team }));
  const test = useMutation(trpc.hooks.test.mutationOptions());
  const remove = useMutation(trpc.hooks.remove.mutationOptions());
  const [leaving, setLeaving] = useState<Hook | null>(null);
  const [renewing, setRenewing] = useState<Hook | null>(null);
  if (error && !hooks) {
    const remedy = "Messages go on being sent; only their list is missing.";
    return (
      <Panel title="Endpoints">
        <QueryError error={error} remedy={remedy} onRetry={refetch} />
      </Panel>
    );
  }
  return (
    <Panel title="Endpoints">
      {test.error && <ProblemCallout problem={readError(test.error)} />}
      <Table
        label="Endpoints"
        rows={hooks ?? []}
        rowKey={(h) => h.id}
        loading={!hooks}
        empty={<EmptyState title="No webhooks yet">Nothing is told to other programs.</EmptyState>}
        columns={[
          { key: "url", head: "Address", cell: (h) => <span className="m">{h.url}</span> },
          { key: "events", head: "Events", cell: (h) => h.events.join(", ") },
          { key: "by", head: "By", cell: (h) => h.by },
          { key: "at", head: "Since", cell: (h) => <Age at={h.createdAt.getTime()} form="ago" /> },
          {
            key: "acts",
            head: <span className="sr-only">Acts</span>,
            align: "end",
            cell: (h) => (
              <span className="row">
                <TextAction onClick={() => test.mutate({ team, hookId: h.id })} disabled={test.isPending}>
                  Send a test
                </TextAction>
                <TextAction onClick={() => setRenewing(h)}>New secret…</TextAction>
                <TextAction onClick={() => setLeaving(h)}>Remove…</TextAction>
              </span>
            ),
          },
        ]}
      />
      {renewing && <RenewSecretDialog team={team} hook={renewing} onClose={() => setRenewing(null)} />}
      <ConfirmDialog
        open={leaving !== null}
        onOpenChange={(open) => !open && setLeaving(null)}
        title="Remove this webhook?"
        confirm="Remove"
        keep="Keep it"
        danger
        onConfirm={async () => leaving && remove.mutateAsync({ team, hookId: leaving.id })}
      >
        <p>Nothing more is sent to {leaving?.url}, not even what waits for its next try.</p>
      </ConfirmDialog>
    </Panel>
  );
}

function State({ delivery: d }: { delivery: Delivery }) {
  if (d.state === "delivered") return <StatusDot state="ok">delivered</StatusDot>;
  if (d.state === "dead") return <StatusDot state="bad">given up: {d.lastError}</StatusDot>;
  return (
    <StatusDot state={d.lastError ? "warning" : "running"}>
      {d.lastError ? `${d.lastError.replace(/\.$/, "")}; it is tried again` : "waiting"}
    </StatusDot>
  );
}

function Deliveries({ team }: { team: string }) {
  const trpc = useTRPC();
  const { data: rows, error, refetch } = useQuery(trpc.hooks.deliveries.queryOptions({ team }));
  const again = useMutation(trpc.hooks.sendAgain.mutationOptions());
  if (error && !rows) {
    const remedy = "What waits is tried on; only the list is missing.";
    return (
      <Panel title="Deliveries">
        <QueryError error={error} remedy={remedy} onRetry={refetch} />
      </Panel>
    );
  }
  return (
    <Panel title="Deliveries" subtitle="the last 100, newest first">
      {again.error && <ProblemCallout problem={readError(again.error)} />}
      <Table
        label="Deliveries"
        rows={rows ?? []}
        rowKey={(d) => d.id}
        loading={!rows}
        flag={(d) => (d.state === "dead" ? "bad" : undefined)}
        empty={<EmptyState title="Nothing was sent yet">Send a test to see one here.</EmptyState>}
        columns={[
          { key: "type", head: "Event", cell: (d) => <span className="m">{d.type}</span> },
          { key: "url", head: "To", cell: (d) => d.url },
          { key: "state", head: "State", cell: (d) => <State delivery={d} /> },
          {
            key: "status",
            head: "Answer",
            align: "end",
            cell: (d) => d.lastStatus ?? <span className="t3">none</span>,
          },
          { key: "ms", head: "Took", align: "end", cell: (d) => (d.lastMs === null ? "" : ms(d.lastMs)) },
          { key: "tries", head: "Tries", align: "end", cell: (d) => d.tries },
          {
            key: "at",
            head: "When",
            align: "end",
            cell: (d) => <Age at={d.createdAt.getTime()} form="ago" />,
          },
          {
            key: "again",
            head: <span className="sr-only">Send again</span>,
            align: "end",
            cell: (d) => (
              <TextAction onClick={() => again.mutate({ team, deliveryId: d.id })} disabled={again.isPending}>
                Send again
              </TextAction>
            ),
          },
        ]}
      />
    </Panel>
  );
}
