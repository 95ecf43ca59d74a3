"use client";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { useTRPC } from "@/components/trpc/client";
import { LinkButton } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { Callout } from "@/components/ui/feedback";
import { PageHeader } from "@/components/ui/page-header";
import { StatusBadge } from "@/components/ui/status";
import { laneName } from "@/server/gateway/contract";
import { EnvironmentTabs, inEnvironment, useEnvironment } from "./environment";
import { Lanes } from "./lanes";
import { ReplicasPanel } from "./replicas-panel";
import { RolloutPanel } from "./rollout-panel";
import { ServedAtPanel } from "./served-at-panel";
import { SnippetsPanel } from "./snippets-panel";
import { EmptyStaging, StagingActions, StagingRequests } from "./staging";
import { SwitchTime } from "./switch-time";
import { Timeline } from "./timeline";
import { TrafficPanel } from "./traffic-panel";
import { TryPanel } from "./try-panel";
import type { Press } from "./way-back";
import type { ModelPage } from "./words";

/** One model, a lane at a time: what serves, the way back, replicas, requests, history. */
export function ModelReleasesPage({ team, model }: { team: string; model: string }) {
  const trpc = useTRPC();
  const [environment, setEnvironment] = useEnvironment();
  const { data: page } = useSuspenseQuery(trpc.releases.model.queryOptions({ team, model, environment }));
  const { serving } = page;
  return (
    <>
      <PageHeader
        title={`${page.model.name} in ${environment}`}
        state={
          serving ? (
            <StatusBadge state="ok">v{serving.version} serves</StatusBadge>
          ) : (
            <StatusBadge state="off">nothing serves</StatusBadge>
          )
        }
        meta={
          <Link className="link" href={`/${team}/models/${model}`}>
            Versions of {page.model.name}
          </Link>
        }
        actions={
          <>
            <LinkButton href={inEnvironment(`/${team}/releases/${model}/api`, environment)}>API</LinkButton>
            {environment === "staging" && <StagingActions team={team} page={page} />}
          </>
        }
        crumbs={[{ label: "Releases", href: `/${team}/releases` }, { label: page.model.name }]}
      />
      <EnvironmentTabs label="Environment" value={environment} onValueChange={setEnvironment}>
        {environment === "staging" && <StagingRequests team={team} model={page.model.name} />}
        <LaneView key={environment} team={team} page={page} />
      </EnvironmentTabs>
    </>
  );
}

function LaneView({ team, page }: { team: string; page: ModelPage }) {
  const trpc = useTRPC();
  const [press, setPress] = useState<Press | null>(null);
  const { serving, releases, environment } = page;
  const lane = { team, model: page.model.name, environment };
  const { data: rollout } = useQuery(trpc.releases.rollout.queryOptions(lane));
  if (environment === "staging" && releases.length === 0)
    return <EmptyStaging team={team} model={lane.model} />;
  // Where a rule ended it the rollout's own panel says so, with the rule.
  const last = releases[0];
  const failed = last?.state === "failed" && !(rollout?.fired && rollout.releaseId === last.id) ? last : null;
  return (
    <>
      <Lanes team={team} page={page} press={press} onPress={setPress} />
      <RolloutPanel {...lane} />
      {serving && <SwitchTime release={serving} press={press} />}
      {failed && (
        <Callout state="bad" className="mb-3">
          <b>
            Revision {failed.revision} with v{failed.version} failed; {environment} did not change.
          </b>{" "}
          {failed.message}
        </Callout>
      )}
      {serving && <TrafficPanel team={team} page={page} />}
      <div className="g">
        <ReplicasPanel team={team} page={page} />
        <div className={cx("release-pair", !page.sample && "single")}>
          <SnippetsPanel
            team={team}
            name={laneName(page.model.name, environment)}
            gatewayUrl={page.gatewayUrl}
            inputs={page.inputs}
            dataset={page.sample?.dataset}
          />
          <TryPanel team={team} page={page} />
        </div>
        <ServedAtPanel {...lane} />
        <Timeline team={team} releases={releases} />
      </div>
    </>
  );
}
