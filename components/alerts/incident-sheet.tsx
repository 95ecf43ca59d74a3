"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import type { FormEvent } from "react";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { QueryError } from "@/components/trpc/query-error";
import { useMay } from "@/components/trpc/use-may";
import { Button, LinkButton } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";
import { Skeleton } from "@/components/ui/feedback";
import { Field, Input } from "@/components/ui/field";
import { clockTime, datetime, plural } from "@/components/ui/format";
import { DefinitionList } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { useUrlState } from "@/components/ui/use-url-state";
import { SilenceForm } from "./silence-form";

type Incident = Outputs["alerts"]["incident"];
type Alert = Incident["alert"];

/** One alert: its evidence, who looks after it, and what changed around it; `?alert=…` opens it. */
export function IncidentSheet({ team }: { team: string }) {
  const trpc = useTRPC();
  const [alertId, open] = useUrlState("alert");
  const found = useQuery(
    trpc.alerts.incident.queryOptions({ team, alertId }, { enabled: alertId !== "", retry: false }),
  );
  const data = found.data?.alert.id === alertId ? found.data : undefined;
  return (
    <Sheet
      open={alertId !== ""}
      onOpenChange={(next) => !next && open("")}
      title={data?.alert.place ?? "Alert"}
      state={data && <State alert={data.alert} />}
      width={600}
    >
      {found.error ? (
        <QueryError error={found.error} onRetry={found.refetch} />
      ) : data ? (
        <Body key={alertId} team={team} incident={data} />
      ) : (
        <div className="body col">
          <Skeleton width="70%" />
          <Skeleton height={120} />
        </div>
      )}
    </Sheet>
  );
}

function State({ alert }: { alert: Alert }) {
  if (alert.state === "resolved") return <StatusDot state="off">over</StatusDot>;
  return <StatusDot state={alert.severity === "bad" ? "bad" : "warning"}>firing</StatusDot>;
}

function Body({ team, incident: { alert, members, happened } }: { team: string; incident: Incident }) {
  const at = (moment: Date | null) => (moment ? datetime(moment.getTime()) : "not yet");
  return (
    <div className="body col">
      <h3>{alert.title}</h3>
      <p className="t2">{alert.detail}</p>
      <div>
        <LinkButton href={`/${team}${alert.path}`}>Open where it is</LinkButton>
      </div>
      <DefinitionList
        items={[
          ["Began", at(alert.beganAt)],
          ["Told", at(alert.firedAt)],
          ["Over", at(alert.resolvedAt)],
          ["Taken by", alert.takenBy ? `${alert.takenBy}${alert.note ? `: ${alert.note}` : ""}` : "nobody"],
        ]}
      />
      {members.length > 1 && <Members team={team} members={members} />}
      {alert.state === "firing" && <Handle team={team} alert={alert} />}
      <h3>What changed around it</h3>
      {happened.length === 0 && (
        <p className="t3">Nothing changed in the half hour before it began, nor since.</p>
      )}
      <ul className="feed s12">
        {happened.map(({ at: moment, who, what, path }) => (
          <li key={`${moment.getTime()} ${path}`}>
            <time className="t3 num" dateTime={moment.toISOString()} title={datetime(moment.getTime())}>
              {clockTime(moment.getTime()).slice(0, 5)}
            </time>
            <Link href={`/${team}${path}`}>
              <b>{who}</b> {what}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}

const MOST_SHOWN = 50;

/** What it is about: those that still are first, then those that left it. */
function Members({ team, members }: { team: string; members: Incident["members"] }) {
  const firing = members.filter(({ state }) => state === "firing").length;
  return (
    <>
      <h3>
        {plural(firing, "subject")}
        {firing < members.length && `, ${members.length - firing} over`}
      </h3>
      <ul className="feed s12">
        {members.slice(0, MOST_SHOWN).map(({ key, title, path, state, severity, beganAt }) => (
          <li key={key}>
            <time className="t3 num" dateTime={beganAt.toISOString()} title={datetime(beganAt.getTime())}>
              {clockTime(beganAt.getTime()).slice(0, 5)}
            </time>
            <Link href={`/${team}${path}`}>
              <StatusDot state={state === "gone" ? "off" : severity === "bad" ? "bad" : "warning"}>
                {title}
              </StatusDot>
            </Link>
          </li>
        ))}
      </ul>
      {members.length > MOST_SHOWN && <p className="t3">and {members.length - MOST_SHOWN} more</p>}
    </>
  );
}

/** Taking it up, or keeping it quiet. */
function Handle({ team, alert }: { team: string; alert: Alert }) {
  const trpc = useTRPC();
  const may = useMay(team);
  const take = useMutation(trpc.alerts.take.mutationOptions());
  const failed = take.error && readError(take.error);
  const reason = may("alert.handle") ? undefined : "It takes an operator or an admin.";
  const submitTake = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const note = String(new FormData(event.currentTarget).get("note"));
    take.mutate({ team, alertId: alert.id, note });
  };
  return (
    <>
      {failed && <ProblemCallout problem={failed} />}
      <form className="row handle" onSubmit={submitTake}>
        <Field label="Note">
          <Input name="note" defaultValue={alert.note} placeholder="what you are doing about it" />
        </Field>
        <Button
          type="submit"
          variant="primary"
          reason={reason}
          busy={take.isPending ? "Taking it…" : undefined}
        >
          {alert.takenBy ? "Take it over" : "Take it"}
        </Button>
      </form>
      <SilenceForm team={team} matches={alert.rule} reason={reason} />
    </>
  );
}
