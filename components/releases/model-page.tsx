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
import { Lanes } from "./lanes";
import { ReplicasPanel } from "./replicas-panel";
import { RolloutPanel } from "./rollout-panel";
import { ServedAtPanel } from "./served-at-panel";
import { SnippetsPanel } from "./snippets-panel";
import { SwitchTime } from "./switch-time";
import { Timeline } from "./timeline";
import { TrafficPanel } from "./traffic-panel";
import { TryPanel } from "./try-panel";
import type { Press } from "./way-back";

/** One model in production: what serves, the way back, replicas, requests, history. */
export function ModelReleasesPage({ team, model }: { team: string; model: string }) {
  const trpc = useTRPC();
  const { data: page } = useSuspenseQuery(trpc.releases.model.queryOptions({ team, model }));
  const [press, setPress] = useState<Press | null>(null);
  const { serving, releases } = page;
  const { data: rollout } = useQuery(trpc.releases.rollout.queryOptions({ team, model }));
  // Where a rule ended it the rollout's own panel says so, with the rule.
  const last = releases[0];
  const failed = last?.state === "failed" && !(rollout?.fired && rollout.releaseId === last.id) ? last : null;
  return (
    <>
      <PageHeader
        title={`${page.model.name} in production`}
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
        actions={<LinkButton href={`/${team}/releases/${model}/api`}>API</LinkButton>}
        crumbs={[{ label: "Releases", href: `/${team}/releases` }, { label: page.model.name }]}
      />
      <Lanes team={team} page={page} press={press} onPress={setPress} />
      <RolloutPanel team={team} model={model} />
      {serving && <SwitchTime release={serving} press={press} />}
      {failed && (
        <Callout state="bad" className="mb-3">
          <b>
            Revision {failed.revision} with v{failed.version} failed; production did not change.
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
            model={page.model}
            gatewayUrl={page.gatewayUrl}
            inputs={page.inputs}
            dataset={page.sample?.dataset}
          />
          <TryPanel team={team} page={page} />
        </div>
        <ServedAtPanel team={team} model={model} />
        <Timeline team={team} releases={releases} />
      </div>
    </>
  );
}
