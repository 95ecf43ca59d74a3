"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button, LinkButton, TextAction } from "@/components/ui/button";
import { useCommands } from "@/components/ui/commands";
import { EmptyState } from "@/components/ui/feedback";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { type Column, Table } from "@/components/ui/table";
import { useToast } from "@/components/ui/toast";
import { Switch } from "@/components/ui/toggle";
import { useUrlState } from "@/components/ui/use-url-state";
import { STARTERS } from "@/server/alerts/starter-contract";
import { RuleSheet } from "./rule-sheet";
import { ONLY_OPERATORS, type StarterRow, type Written } from "./rule-words";
import { SilenceDialog } from "./silence-form";
import { figuresSay, StarterDialog } from "./starter-dialog";

const NEW = "new";

/** What is told by itself: rules that the team wrote, and those that are there from the beginning. */
export function RulesPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const may = useMay(team)("alert.handle");
  const [opened, open] = useUrlState("rule");
  const [silencing, setSilencing] = useState<Silenced | null>(null);
  const rules = useQuery(trpc.alerts.rules.queryOptions({ team }));
  const commands = useMemo(
    () => (may ? [{ id: "new-rule", group: "Actions", label: "New alert rule", run: () => open(NEW) }] : []),
    [may, open],
  );
  useCommands(commands);
  const { data, error } = rules;
  const rule = data?.written.find(({ id }) => id === opened);
  const starter = data?.starters.find((row) => row.starter === opened);
  const close = () => open("");
  return (
    <>
      <PageHeader
        title="Alert rules"
        meta="what is told by itself, and to whom; every change is in the audit log"
        crumbs={[{ label: "Settings", href: `/${team}/settings` }, { label: "Alert rules" }]}
        actions={
          <>
            <LinkButton href={`/${team}/alerts`}>Alerts</LinkButton>
            <Button variant="primary" onClick={() => open(NEW)} reason={may ? undefined : ONLY_OPERATORS}>
              New rule…
            </Button>
          </>
        }
      />
      {error && !data ? (
        <Panel title="Rules">
          <QueryError
            error={error}
            remedy="Rules go on being watched; only their list is missing."
            onRetry={rules.refetch}
          />
        </Panel>
      ) : (
        <div className="g">
          <WrittenPanel team={team} rows={data?.written} may={may} onEdit={open} onSilence={setSilencing} />
          <StartersPanel team={team} rows={data?.starters} may={may} onEdit={open} onSilence={setSilencing} />
        </div>
      )}
      {data && (opened === NEW || rule) && (
        <RuleSheet key={rule?.id ?? NEW} team={team} rule={rule} may={may} rules={data} onClose={close} />
      )}
      {data && starter && (
        <StarterDialog
          key={starter.starter}
          team={team}
          row={starter}
          webhooks={data.webhooks}
          may={may}
          onClose={close}
        />
      )}
      {silencing && <SilenceDialog team={team} {...silencing} onClose={() => setSilencing(null)} />}
    </>
  );
}

interface Silenced {
  matches: string;
  name: string;
}
interface PanelProps<Row> {
  team: string;
  /** Undefined while they are on their way. */
  rows: readonly Row[] | undefined;
  may: boolean;
  onEdit: (rule: string) => void;
  onSilence: (of: Silenced) => void;
}

function lastFired<Row extends Pick<Written, "isFiring" | "lastFiredAt">>(): Column<Row> {
  return {
    key: "fired",
    head: "Last fired",
    width: "128px",
    align: "end",
    cell: ({ isFiring, lastFiredAt }) =>
      isFiring ? (
        <StatusDot state="warning">fires now</StatusDot>
      ) : lastFiredAt ? (
        <Age at={lastFiredAt.getTime()} form="ago" />
      ) : (
        <span className="t3">never</span>
      ),
  };
}

const hearsSay = (webhooks: readonly string[] | null): string =>
  webhooks === null
    ? "all webhooks"
    : webhooks.length === 0
      ? "the console"
      : `${webhooks.length} of the webhooks`;

function WrittenPanel({ team, rows, may, onEdit, onSilence }: PanelProps<Written>) {
  const trpc = useTRPC();
  const toast = useToast();
  const onError = (error: Parameters<typeof readError>[0]) =>
    toast({ state: "bad", title: readError(error).message, detail: readError(error).remedy });
  const flip = useMutation(trpc.alerts.switchRule.mutationOptions({ onError }));
  const remove = useMutation(trpc.alerts.removeRule.mutationOptions({ onError }));
  const takeAway = ({ id, name }: Written) =>
    remove.mutate(
      { team, ruleId: id, isRemoved: true },
      {
        onSuccess: () =>
          toast({
            state: "ok",
            title: `${name} was taken away.`,
            action: { label: "Undo", onPress: () => remove.mutate({ team, ruleId: id, isRemoved: false }) },
          }),
      },
    );
  return (
    <Panel
      title="Rules of the team"
      subtitle={rows && rows.length > 0 ? `${rows.length} of at most 200` : undefined}
    >
      <Table<Written>
        label="Rules of the team"
        rows={rows ?? []}
        rowKey={({ id }) => id}
        loading={!rows}
        onRowPress={({ id }) => onEdit(id)}
        minFlexible={220}
        empty={
          <EmptyState
            title="No rule yet"
            actions={may && <Button onClick={() => onEdit(NEW)}>Write the first rule…</Button>}
          >
            A rule looks at a series, such as the p99 of a model, the disk of every node or a metric of every
            running run, and is tried out on the last day before it is saved.
          </EmptyState>
        }
        columns={[
          {
            key: "name",
            head: "Rule",
            width: "240px",
            cell: ({ name, severity }) => (
              <StatusDot state={severity === "bad" ? "bad" : "warning"} title={name}>
                {name}
              </StatusDot>
            ),
          },
          { key: "says", head: "Fires when", cell: ({ says }) => <span title={says}>{says}</span> },
          { key: "hears", head: "Told to", width: "144px", cell: ({ webhooks }) => hearsSay(webhooks) },
          lastFired(),
          { key: "by", head: "By", width: "136px", cell: ({ by }) => by },
          {
            key: "on",
            head: "On",
            width: "64px",
            cell: ({ id, name, revision, isOn }) => (
              <Switch
                label={name}
                hideLabel
                checked={isOn}
                disabled={!may || flip.isPending}
                onCheckedChange={(next) => flip.mutate({ team, ruleId: id, revision, isOn: next })}
              />
            ),
          },
          {
            key: "acts",
            head: <span className="sr-only">Acts</span>,
            width: "152px",
            align: "end",
            cell: (row) =>
              may && (
                <span className="row">
                  <TextAction onClick={() => onSilence({ matches: row.id, name: row.name })}>
                    Silence…
                  </TextAction>
                  <TextAction onClick={() => takeAway(row)} disabled={remove.isPending}>
                    Delete
                  </TextAction>
                </span>
              ),
          },
        ]}
      />
    </Panel>
  );
}

function StartersPanel({ team, rows, may, onEdit, onSilence }: PanelProps<StarterRow>) {
  const trpc = useTRPC();
  const toast = useToast();
  const set = useMutation(
    trpc.alerts.setStarter.mutationOptions({
      onError: (error) =>
        toast({ state: "bad", title: readError(error).message, detail: readError(error).remedy }),
    }),
  );
  return (
    <Panel title="From the beginning" subtitle="the starter set; its figures are the team’s to set">
      <Table<StarterRow>
        label="Starter rules"
        rows={rows ?? []}
        rowKey={({ starter }) => starter}
        loading={!rows}
        onRowPress={({ starter }) => onEdit(starter)}
        minFlexible={220}
        columns={[
          { key: "name", head: "Rule", width: "208px", cell: ({ starter }) => STARTERS[starter].name },
          {
            key: "looks",
            head: "Looks at",
            cell: ({ starter }) => <span title={STARTERS[starter].looksAt}>{STARTERS[starter].looksAt}</span>,
          },
          {
            key: "figures",
            head: "Fires",
            width: "208px",
            cell: ({ starter, limits }) => {
              const figures = figuresSay(starter, limits);
              return figures ? <span title={figures}>{figures}</span> : <span className="t3">as it is</span>;
            },
          },
          { key: "hears", head: "Told to", width: "120px", cell: ({ webhooks }) => hearsSay(webhooks) },
          lastFired(),
          {
            key: "on",
            head: "On",
            width: "64px",
            cell: ({ starter, revision, isOn, limits, webhooks }) => (
              <Switch
                label={STARTERS[starter].name}
                hideLabel
                checked={isOn}
                disabled={!may || set.isPending}
                onCheckedChange={(next) =>
                  set.mutate({ team, starter, revision, isOn: next, limits, webhooks })
                }
              />
            ),
          },
          {
            key: "acts",
            head: <span className="sr-only">Acts</span>,
            width: "88px",
            align: "end",
            cell: ({ starter }) =>
              may && (
                <TextAction onClick={() => onSilence({ matches: starter, name: STARTERS[starter].name })}>
                  Silence…
                </TextAction>
              ),
          },
        ]}
      />
    </Panel>
  );
}
