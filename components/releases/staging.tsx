"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { LinkButton } from "@/components/ui/button";
import { Callout, EmptyState } from "@/components/ui/feedback";
import { Panel } from "@/components/ui/panel";
import { StageDialog } from "./stage-dialog";
import type { ModelPage } from "./words";

/** What staging is there for: another version, or the one that serves there on to production. */
export function StagingActions({ team, page }: { team: string; page: ModelPage }) {
  const may = useMay(team);
  const { serving, releases, model } = page;
  return (
    <>
      {releases.length > 0 && <StageDialog team={team} model={model.name} />}
      {serving && may("release.request") && (
        <LinkButton variant="primary" href={`/${team}/releases/request?version=${serving.versionId}`}>
          Promote v{serving.version} to production…
        </LinkButton>
      )}
    </>
  );
}

/** What is asked for in staging and does not serve there yet: why it waits is on the request's page. */
export function StagingRequests({ team, model }: { team: string; model: string }) {
  const trpc = useTRPC();
  const { data } = useQuery(trpc.releases.overview.queryOptions({ team }));
  const open = data?.requests.filter(
    (one) =>
      one.model === model &&
      one.environment === "staging" &&
      (one.state === "measuring" || one.state === "open"),
  );
  return open?.map(({ number, version, state, gates, gatesPassed }) => (
    <Callout key={number} state="running" className="mb-3">
      <Link className="link underline" href={`/${team}/releases/requests/${number}`}>
        Request {number}
      </Link>{" "}
      is for v{version}:{" "}
      {state === "measuring"
        ? "it is being measured first."
        : `${gatesPassed} of ${gates} gates pass; it serves here once nothing holds it up.`}
    </Callout>
  ));
}

export function EmptyStaging({ team, model }: { team: string; model: string }) {
  return (
    <Panel title="What serves" className="mb-3">
      <EmptyState
        title="Nothing was released to staging yet"
        actions={<StageDialog team={team} model={model} isPrimary />}
      >
        Staging serves a version to those who ask for {model}@staging, while production goes on as it is. Its
        gates are judged as production’s; nobody has to approve.
      </EmptyState>
    </Panel>
  );
}
