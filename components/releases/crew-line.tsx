"use client";
import { useMutation } from "@tanstack/react-query";
import { readError, useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button } from "@/components/ui/button";
import { Callout } from "@/components/ui/feedback";
import { decimal, plural } from "@/components/ui/format";
import type { State } from "@/components/ui/shape";
import { StatusDot } from "@/components/ui/status";
import type { laneOf, ModelPage } from "./words";

type Crew = ModelPage["crews"][number];
type Lane = ReturnType<typeof laneOf>;

function stateOf({ ready, wanted, crashLoop, isAsleep }: Crew): State {
  if (crashLoop) return "bad";
  if (isAsleep) return "off";
  return ready >= wanted ? "ok" : "running";
}

/** "last cold start 4.2 s" where one was measured. */
const coldStart = ({ coldStartMs }: Crew): string =>
  coldStartMs === null ? "" : `; last cold start ${decimal(coldStartMs / 1000, 1)} s`;

function Count({ crew }: { crew: Crew }) {
  if (crew.isAsleep) return `v${crew.version}: asleep, wakes on a request${coldStart(crew)}`;
  if (!crew.wakesSince) return `v${crew.version}: ${crew.ready} of ${crew.wanted} ready`;
  return (
    <>
      v{crew.version}: wakes for a request of <Age at={crew.wakesSince.getTime()} form="ago" />
      {coldStart(crew)}
    </>
  );
}

/** The replicas of one version in a line; why they were given up, and a way to try again. */
export function CrewLine({ team, lane, crew }: { team: string; lane: Lane; crew: Crew }) {
  return (
    <>
      <div className="ph-row">
        <StatusDot state={stateOf(crew)}>
          <Count crew={crew} />
        </StatusDot>
        <span className="t2 s12">
          {decimal(crew.inFlight, 1)} requests in flight
          {crew.ends > 0 && `, ${plural(crew.ends, "restart")} in the last hour`}
        </span>
      </div>
      {crew.crashLoop && (
        <div className="body">
          <GivenUp team={team} lane={lane} crew={crew} loop={crew.crashLoop} />
        </div>
      )}
    </>
  );
}

interface GivenUpProps {
  team: string;
  lane: Lane;
  crew: Crew;
  loop: NonNullable<Crew["crashLoop"]>;
}

function GivenUp({ team, lane, crew, loop }: GivenUpProps) {
  const trpc = useTRPC();
  const may = useMay(team);
  const retry = useMutation(trpc.releases.retryReplicas.mutationOptions());
  return (
    <Callout
      state="bad"
      actions={
        <Button
          reason={may("release.rollback") ? undefined : "Takes the role approver, operator or admin."}
          reasonAt="hidden"
          busy={retry.isPending ? "Starting…" : undefined}
          onClick={() => retry.mutate({ team, ...lane, versionId: crew.versionId })}
        >
          Try again
        </Button>
      }
    >
      <b>
        {loop.ends} replicas of v{crew.version} ended within 10 min; no more are started.
      </b>{" "}
      The last said, <Age at={loop.createdAt.getTime()} form="ago" />: {loop.cause}
      {retry.error && <div>{readError(retry.error).message}</div>}
    </Callout>
  );
}
