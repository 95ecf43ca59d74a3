"use client";
import { useSuspenseQuery } from "@tanstack/react-query";
import { type Outputs, useTRPC } from "@/components/trpc/client";
import { Age } from "@/components/ui/age";
import { LinkButton } from "@/components/ui/button";
import { Digest } from "@/components/ui/digest";
import { EmptyState } from "@/components/ui/feedback";
import { decimal, ms, plural } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { Table } from "@/components/ui/table";
import type { Environment } from "@/server/releases/contract";
import { inEnvironment } from "./environment";
import { RequestsPanel } from "./requests-panel";
import { Timeline } from "./timeline";
import { useTraffic } from "./use-traffic";
import { LANE } from "./words";

type Lane = Outputs["releases"]["overview"]["lanes"][number];

/** Everything that serves: lanes by environment and model, requests that wait, the last changes. */
export function ReleasesPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const { data } = useSuspenseQuery(trpc.releases.overview.queryOptions({ team }));
  const [production, staging] = [of(data.lanes, "production"), of(data.lanes, "staging")];
  const serving = production.filter((lane) => lane.releaseId !== null).length;
  return (
    <>
      <PageHeader
        title="Releases"
        meta={
          serving === 0
            ? "nothing serves production yet"
            : `${plural(serving, "model serves", "models serve")} production`
        }
        crumbs={[{ label: "Releases" }]}
      />
      <div className="g">
        <RequestsPanel team={team} requests={data.requests} />
        <LanesPanel team={team} environment="production" lanes={production} />
        {staging.length > 0 && <LanesPanel team={team} environment="staging" lanes={staging} />}
        {data.releases.length > 0 && <Timeline team={team} releases={data.releases} withModel />}
      </div>
    </>
  );
}

const of = (lanes: readonly Lane[], environment: Environment) =>
  lanes.filter((lane) => lane.environment === environment);

interface LanesProps {
  team: string;
  environment: Environment;
  lanes: readonly Lane[];
}

function LanesPanel({ team, environment, lanes }: LanesProps) {
  const { rows } = useTraffic(team);
  const trafficOf = (lane: Lane) =>
    rows.find(
      (r) => r.modelId === lane.modelId && r.environment === lane.environment && r.version === lane.version,
    );
  return (
    <Panel title={LANE[environment].name} subtitle="one lane a model">
      <Table
        label={`Models in ${environment}`}
        rows={lanes}
        rowKey={(lane) => lane.modelId}
        rowHref={(lane) => inEnvironment(`/${team}/releases/${lane.model}`, environment)}
        columns={[
          { key: "model", head: "Model", cell: (lane) => <span className="m">{lane.model}</span> },
          {
            key: "version",
            head: "Serves",
            cell: (lane) =>
              lane.version === null ? (
                <span className="t3">nothing</span>
              ) : (
                <span className="m">
                  <i className="key production" />v{lane.version}
                </span>
              ),
          },
          {
            key: "digest",
            head: "Digest",
            cell: (lane) => (lane.digest ? <Digest value={lane.digest} /> : null),
          },
          { key: "health", head: "Health", cell: (lane) => <Health lane={lane} /> },
          { key: "next", head: "Next", cell: (lane) => <Next lane={lane} /> },
          {
            key: "rate",
            head: "Requests/s",
            align: "end",
            cell: (lane) => decimal(trafficOf(lane)?.perSecond ?? 0, 1),
          },
          {
            key: "p99",
            head: "p99",
            align: "end",
            cell: (lane) => {
              const us = trafficOf(lane)?.p99Us;
              return us === null || us === undefined ? (
                <span className="t3">no requests</span>
              ) : (
                ms(us / 1000)
              );
            },
          },
          {
            key: "since",
            head: "Since",
            align: "end",
            cell: (lane) => (lane.since ? <Age at={lane.since.getTime()} form="ago" /> : null),
          },
        ]}
        empty={
          <EmptyState
            title="Nothing serves production yet"
            actions={<LinkButton href={`/${team}/models`}>Choose a version</LinkButton>}
          >
            Open a version and request production for it; an approver who is not you decides.
          </EmptyState>
        }
      />
    </Panel>
  );
}

function Health({ lane }: { lane: Lane }) {
  if (lane.releaseId === null) return <StatusDot state="off">not served</StatusDot>;
  if (lane.maySleep && lane.desired === 0) return <StatusDot state="off">asleep</StatusDot>;
  if (lane.ready >= lane.desired) return <StatusDot state="ok">healthy</StatusDot>;
  return (
    <StatusDot state={lane.ready === 0 ? "bad" : "warning"}>
      {lane.ready} of {lane.desired} replicas ready
    </StatusDot>
  );
}

function Next({ lane }: { lane: Lane }) {
  if (!lane.preparing) return <span className="t3">nothing</span>;
  const { version, waits, state } = lane.preparing;
  if (state === "rolling_out") return <StatusDot state="running">v{version} is being rolled out</StatusDot>;
  return (
    <StatusDot state="running">
      v{version} is being prepared{waits && `: ${waits}`}
    </StatusDot>
  );
}
