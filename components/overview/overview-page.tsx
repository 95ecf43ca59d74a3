"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { LinkButton } from "@/components/ui/button";
import { useNow } from "@/components/ui/clock";
import { Callout } from "@/components/ui/feedback";
import { clockTime, count, relativeTime } from "@/components/ui/format";
import { PanelLoading, TilesLoading } from "@/components/ui/loading";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { ChangesPanel } from "./changes-panel";
import { OverviewTiles } from "./overview-tiles";
import { ProblemCard } from "./problem-card";
import { ProductionPanel } from "./production-panel";
import { RunsPanel } from "./runs-panel";
import type { Overview, Problem } from "./types";
import { WaitingPanel } from "./waiting-panel";
import { headline } from "./words";

/** Traffic is no event: it is asked for while the page is seen. */
export const OVERVIEW_MS = 5_000;
/** Beside the one that is the largest thing on the page. */
const MORE_PROBLEMS = 4;

/** Is production healthy, is anything failing, who waits for whom, what does it cost now? */
export function OverviewPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const { data, error, refetch } = useQuery(
    trpc.overview.page.queryOptions({ team }, { refetchInterval: OVERVIEW_MS }),
  );
  return (
    <>
      <PageHeader
        title="Overview"
        meta={data && headline(data)}
        crumbs={[{ label: "Overview" }]}
        actions={
          <>
            {data && <span className="t3 num">as of {clockTime(data.at.getTime())} UTC</span>}
            <LinkButton variant="ghost" href={`/${team}/alerts`}>
              Alerts
            </LinkButton>
            <LinkButton variant="ghost" href={`/wall?team=${team}`}>
              Open as wall
            </LinkButton>
          </>
        }
      />
      {data ? (
        <Content team={team} overview={data} />
      ) : error ? (
        <Panel title="Production, runs and changes">
          <QueryError
            error={error}
            remedy="What serves goes on serving; only this page is missing."
            onRetry={refetch}
          />
        </Panel>
      ) : (
        <Loading />
      )}
    </>
  );
}

function Content({ team, overview }: { team: string; overview: Overview }) {
  const [first, ...others] = overview.problems;
  return (
    <div className="g">
      {first && (
        <ProblemCard
          team={team}
          problem={first}
          served={overview.production.find(({ modelId }) => modelId === first.modelId)}
          at={overview.at}
        />
      )}
      {others.slice(0, MORE_PROBLEMS).map((problem) => (
        <OtherProblem key={problem.key} team={team} problem={problem} />
      ))}
      {others.length > MORE_PROBLEMS && (
        <p className="t2">
          and {count(others.length - MORE_PROBLEMS)} more;{" "}
          <Link className="link underline" href={`/${team}/alerts`}>
            all of them
          </Link>
        </p>
      )}
      <OverviewTiles team={team} overview={overview} />
      <div className="overview-columns">
        <div className="g">
          <ProductionPanel team={team} rows={overview.production} />
          <RunsPanel team={team} runs={overview.runs} />
        </div>
        <div className="g">
          <WaitingPanel team={team} overview={overview} />
          <ChangesPanel team={team} changes={overview.changes} />
        </div>
      </div>
    </div>
  );
}

const STANDS = { open: "", new: "just began", handled: "taken up or silenced" } as const;

function OtherProblem({ team, problem }: { team: string; problem: Problem }) {
  const now = useNow();
  return (
    <Callout
      state={problem.severity === "bad" ? "bad" : "warning"}
      actions={
        <LinkButton size="sm" href={`/${team}${problem.path}`}>
          {problem.action}
        </LinkButton>
      }
    >
      <strong>{problem.title}</strong>{" "}
      {STANDS[problem.standing] && <span className="t3">{STANDS[problem.standing]}, </span>}
      {problem.since && now !== null && (
        <span className="t3">since {relativeTime(problem.since.getTime(), now)} </span>
      )}
      <div className="t2">{problem.detail}</div>
    </Callout>
  );
}

/** The shapes of what comes. */
function Loading() {
  return (
    <div className="g">
      <TilesLoading count={5} className="overview-tiles" />
      <div className="overview-columns">
        <div className="g">
          <PanelLoading title="Production" height={220} />
          <PanelLoading title="Runs in progress" height={220} />
        </div>
        <div className="g">
          <PanelLoading title="Waiting for someone" height={60} />
          <PanelLoading title="Last changes" height={320} />
        </div>
      </div>
    </div>
  );
}
