"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { type FormEvent, useState } from "react";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { Button, LinkButton } from "@/components/ui/button";
import { Sheet } from "@/components/ui/dialog";
import { Callout, ErrorState, Skeleton } from "@/components/ui/feedback";
import { Field, Input } from "@/components/ui/field";
import { clockTime, datetime } from "@/components/ui/format";
import { DefinitionList } from "@/components/ui/panel";
import { Select } from "@/components/ui/select";
import { StatusDot } from "@/components/ui/status";
import { useUrlState } from "@/components/ui/use-url-state";

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
  const problem = found.error && readError(found.error);
  return (
    <Sheet
      open={alertId !== ""}
      onOpenChange={(next) => !next && open("")}
      title={data?.alert.place ?? "Alert"}
      state={data && <State alert={data.alert} />}
      width={600}
    >
      {problem ? (
        <ErrorState
          what={problem.message}
          remedy={problem.remedy}
          requestId={problem.requestId}
          onRetry={() => void found.refetch()}
        />
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

function Body({ team, incident: { alert, happened } }: { team: string; incident: Incident }) {
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

const SPANS = [
  { value: "60", label: "an hour" },
  { value: "480", label: "8 hours" },
  { value: "1440", label: "a day" },
  { value: "10080", label: "a week" },
];

/** Taking it up, or keeping it quiet. */
function Handle({ team, alert }: { team: string; alert: Alert }) {
  const trpc = useTRPC();
  const may = useMay(team);
  const take = useMutation(trpc.alerts.take.mutationOptions());
  const silence = useMutation(trpc.alerts.silence.mutationOptions());
  const [minutes, setMinutes] = useState("60");
  const reason = may("alert.handle") ? undefined : "It takes an operator or an admin.";
  const failed = take.error ?? silence.error;
  const submitTake = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const note = String(new FormData(event.currentTarget).get("note"));
    take.mutate({ team, alertId: alert.id, note });
  };
  const submitSilence = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const why = String(new FormData(event.currentTarget).get("reason"));
    silence.mutate({ team, matches: alert.rule, minutes: Number(minutes), reason: why });
  };
  const wrong = silence.error ? readError(silence.error).fields.reason : undefined;
  return (
    <>
      {failed && !wrong && <Callout state="bad">{readError(failed).message}</Callout>}
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
      <form className="row handle" onSubmit={submitSilence}>
        <Field label="Silence it because" error={wrong}>
          <Input name="reason" placeholder="known, and nobody needs to be told" />
        </Field>
        <Field label="For">
          <Select options={SPANS} value={minutes} onValueChange={setMinutes} />
        </Field>
        <Button type="submit" reason={reason} busy={silence.isPending ? "Silencing…" : undefined}>
          Silence
        </Button>
      </form>
    </>
  );
}
