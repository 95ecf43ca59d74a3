"use client";
import { useSuspenseQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/components/trpc/client";
import { Age } from "@/components/ui/age";
import { LinkButton } from "@/components/ui/button";
import { useNow } from "@/components/ui/clock";
import { cx } from "@/components/ui/cx";
import { Callout } from "@/components/ui/feedback";
import { count, datetime, duration } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { StatusBadge } from "@/components/ui/status";
import { strategyInWords } from "@/server/releases/rollout-contract";
import { Comments } from "./comments";
import { DecisionPanel } from "./decision-panel";
import { inEnvironment } from "./environment";
import { AccuracyPanel, ComparisonPanel } from "./evidence-panel";
import { Lanes } from "./lanes";
import { SlicesPanel } from "./slices-panel";
import { type ModelPage, type RequestPage, requestState } from "./words";

/** One promotion request: the verdict and the decision first, then the evidence they rest on. */
export function PromotionRequestPage({ team, number }: { team: string; number: number }) {
  const trpc = useTRPC();
  const { data: page } = useSuspenseQuery(
    trpc.releases.request.queryOptions(
      { team, number },
      { refetchInterval: ({ state }) => untilJudgedAgain(state.data?.gates ?? []) },
    ),
  );
  const { data: model } = useSuspenseQuery(trpc.releases.laneOfRequest.queryOptions({ team, number }));
  const { state, words } = requestState(page);
  const lane = inEnvironment(`/${team}/releases/${page.model}`, page.environment);
  const isWaiting = page.state === "open" || page.state === "measuring";
  return (
    <div className={cx(isWaiting && "has-strip")}>
      <PageHeader
        title={`Promote ${page.model} v${page.candidate.number} to ${page.environment}`}
        state={<StatusBadge state={state}>{words}</StatusBadge>}
        meta={
          <>
            Request {page.number} by {page.requester}, <Age at={page.createdAt.getTime()} form="ago" />;{" "}
            {strategyInWords(page.strategy)}
          </>
        }
        crumbs={[
          { label: "Releases", href: `/${team}/releases` },
          { label: page.model, href: lane },
          { label: `Request ${page.number}` },
        ]}
      />
      <div className="request-outcome">
        <Outcome team={team} page={page} lane={lane} />
        <StagedCallout page={page} />
        <ServesSince page={page} serving={model.serving} />
        <OtherSignature page={page} />
      </div>
      <div className="request-body">
        <Lanes team={team} page={model} press={null} onPress={() => {}} />
        <div className="evidence-columns">
          <div className="col">
            <AccuracyPanel page={page} />
            <SlicesPanel page={page} />
            <ComparisonPanel page={page} />
          </div>
          <div className="col decision">
            <DecisionPanel team={team} page={page} />
            {page.note && (
              <Panel
                title="Requester’s note"
                tools={<Age at={page.createdAt.getTime()} form="ago" className="s12" />}
              >
                <div className="request-note">
                  {page.note}
                  <p className="s12 t2 mt-2">
                    {page.requester}.{" "}
                    <Link className="link" href={`/${team}/models/${page.model}/v/${page.candidate.number}`}>
                      Lineage of v{page.candidate.number}
                    </Link>
                  </p>
                </div>
              </Panel>
            )}
            <Comments team={team} number={number} />
          </div>
        </div>
      </div>
    </div>
  );
}

/** Until the next gate passes by itself, ms; false where time changes none. */
function untilJudgedAgain(gates: RequestPage["gates"]): number | false {
  const moments = gates.flatMap(({ until }) => (until ? [Date.parse(until)] : []));
  return moments.length > 0 && Math.max(1_000, Math.min(...moments) - Date.now() + 200);
}

/** What came of a request that is no longer open: the sentence is the largest thing. */
function Outcome({ team, page, lane }: { team: string; page: RequestPage; lane: string }) {
  const [last] = page.decisions.toReversed();
  const approvers = page.decisions
    .filter((d) => d.decision === "approve" && d.isVoid === null)
    .map((d) => d.by);
  if (page.state === "declined" && last) {
    return (
      <Panel label="Outcome" padded className="mb-3">
        <p className="t2 mb-2">
          {last.by} declined; {page.environment} stays as it is.
        </p>
        <p className="sentence">“{last.sentence}”</p>
      </Panel>
    );
  }
  if (page.state === "approved") {
    return (
      <Callout
        state="ok"
        className="mb-3"
        actions={<LinkButton href={lane}>See it in {page.environment}</LinkButton>}
      >
        {page.approvals.needed === 0
          ? "No gate held it up."
          : `${approvers.join(" and ") || "Someone"} approved.`}{" "}
        {page.model} v{page.candidate.number} <Settles page={page} />
      </Callout>
    );
  }
  if (page.state === "released") {
    return (
      <Callout
        state="warning"
        className="mb-3"
        actions={<LinkButton href={lane}>See it in {page.environment}</LinkButton>}
      >
        {page.release?.by ?? "An admin"} released it without approval: “{page.release?.breakGlass}”{" "}
        {page.model} v{page.candidate.number} <Settles page={page} />
      </Callout>
    );
  }
  if (page.state === "void") {
    return (
      <Callout
        state="warning"
        className="mb-3"
        actions={
          <LinkButton
            href={
              page.environment === "production"
                ? `/${team}/releases/request?version=${page.candidate.id}`
                : `/${team}/models/${page.model}/v/${page.candidate.number}`
            }
          >
            {page.environment === "production" ? "Request again…" : "Open the version"}
          </LinkButton>
        }
      >
        {page.run?.state === "failed" || page.run?.state === "stopped"
          ? `The measurement ${page.run.state}: ${page.run.cause?.message ?? "it was stopped"}`
          : "This request is void: the version, its evaluation or the policy changed."}
      </Callout>
    );
  }
  return null;
}

/** Whether what came of it serves, and until when it counts as fresh. */
function Settles({ page }: { page: RequestPage }) {
  const now = useNow();
  const { release } = page;
  if (!release?.servingAt || !release.settlesAt) return "serves when its replica is ready.";
  if (page.policy.rules.bakeMinutes === 0) return "went live.";
  const left = now === null ? null : release.settlesAt.getTime() - now;
  return left !== null && left > 0
    ? `is live; it counts as settled in ${duration(left / 1000)}.`
    : `is live since ${datetime(release.servingAt.getTime(), "local")} and settled.`;
}

/** The comparison is with what served when it was measured; whoever decides must know when that is no longer so. */
function ServesSince({ page, serving }: { page: RequestPage; serving: ModelPage["serving"] }) {
  if (
    page.environment === "staging" ||
    page.state !== "open" ||
    !serving ||
    serving.versionId === page.production?.id
  )
    return null;
  const then = page.production ? `against v${page.production.number}` : "alone, when nothing served";
  return (
    <Callout state="warning" className="mb-3">
      Measured {then}; v{serving.version} serves since. Withdraw and request again for a comparison with what
      serves now.
    </Callout>
  );
}

/** What the candidate did in staging, for whoever decides about production. */
function StagedCallout({ page: { staged, candidate } }: { page: RequestPage }) {
  if (!staged) return null;
  const { since, isServing, servedMs, requests, errors } = staged;
  return (
    <Callout state={errors > 0 ? "warning" : "ok"} className="mb-3">
      v{candidate.number} {isServing ? "serves" : "served"} staging since {datetime(since.getTime(), "local")}
      , {duration(servedMs / 1000)} in all: {count(requests)} {requests === 1 ? "request" : "requests"},{" "}
      {count(errors)} answered with a 5xx.
    </Callout>
  );
}

/** Clients of what serves would meet another signature: whoever decides must know before they do. */
function OtherSignature({ page }: { page: RequestPage }) {
  if (!page.breaks || !page.production || page.state !== "open") return null;
  return (
    <Callout state="warning" className="mb-3">
      <b>Clients of v{page.production.number} must change with it:</b> {page.breaks}.
    </Callout>
  );
}
