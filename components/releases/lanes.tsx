"use client";
import type { ReactNode } from "react";
import { Age } from "@/components/ui/age";
import { Digest } from "@/components/ui/digest";
import { clockTime, decimal, ms, percent, plural } from "@/components/ui/format";
import { Bar } from "@/components/ui/progress";
import { StatusDot } from "@/components/ui/status";
import { isOf, useTraffic } from "./use-traffic";
import { type Press, WayBack } from "./way-back";
import { LANE, type ModelPage } from "./words";

interface Props {
  team: string;
  page: ModelPage;
  press: Press | null;
  onPress: (press: Press | null) => void;
}

/** What serves, what is being prepared, and the way back, in one strip. */
export function Lanes({ team, page, press, onPress }: Props) {
  const { rows } = useTraffic(team);
  const traffic = rows.find((r) => isOf(r, page)) ?? null;
  return (
    <section className="panel lanes" aria-label="What serves now">
      <Serving page={page} press={press} traffic={traffic} />
      <Preparing page={page} />
      <WayBack team={team} page={page} perSecond={traffic?.perSecond ?? null} onPress={onPress} />
    </section>
  );
}

type Traffic = ReturnType<typeof useTraffic>["rows"][number];

function Serving({
  page,
  press,
  traffic,
}: {
  page: ModelPage;
  press: Press | null;
  traffic: Traffic | null;
}) {
  const { serving, replicas } = page;
  if (!serving) {
    return (
      <Lane
        label={LANE[page.environment].name}
        line={<StatusDot state="off">nothing serves</StatusDot>}
        note={LANE[page.environment].first}
      />
    );
  }
  const ready = replicas.filter((r) => r.isServing && r.state === "ready" && r.undesiredAt === null).length;
  // The press shows at once; the truth follows with the next answer and takes its place.
  const isMoving = press !== null && press.from.id === serving.id;
  const version = isMoving ? press.to.version : serving.version;
  return (
    <Lane
      label={LANE[page.environment].name}
      line={
        <>
          <b>
            <i className="key production" />v{version}
          </b>
          <Digest value={isMoving ? press.to.digest : serving.digest} />
          {!isMoving && serving.servingAt && (
            <span className="t2">
              {weightOf(page, serving.id)}% since {clockTime(serving.servingAt.getTime())}, revision{" "}
              {serving.revision}
            </span>
          )}
          <span className="grow" />
          {isMoving ? (
            <StatusDot state="running">moving traffic</StatusDot>
          ) : (
            <Health page={page} versionId={serving.versionId} ready={ready} />
          )}
        </>
      }
      note={
        traffic
          ? `${decimal(traffic.perSecond, 1)} req/s, p50 ${ms(traffic.p50Us === null ? null : traffic.p50Us / 1000)}, p99 ${ms(traffic.p99Us === null ? null : traffic.p99Us / 1000)}, errors ${percent(traffic.errors / Math.max(traffic.requests, 1), 2)}, ${plural(ready, "replica")}`
          : `no requests in the last minute, ${plural(ready, "replica")}`
      }
    />
  );
}

/** Percent of the requests that a release answers by the route in force. */
const weightOf = (page: ModelPage, releaseId: string): number =>
  page.arms.find((arm) => arm.releaseId === releaseId)?.weight ?? 100;

function Rolling({ page, rolling }: { page: ModelPage; rolling: NonNullable<ModelPage["rolling"]> }) {
  const arm = page.arms.find(({ releaseId }) => releaseId === rolling.id);
  return (
    <Lane
      label="Next"
      line={
        <>
          <b>
            <i className="key candidate" />v{rolling.version}
          </b>
          <Digest value={rolling.digest} />
          <span className="t2">{arm ? `${arm.weight}%` : "shadow"}</span>
          <span className="grow" />
          <StatusDot state="running">rolling out</StatusDot>
        </>
      }
      note={
        arm ? (
          <Bar label={`Share of v${rolling.version}`} value={arm.weight / 100} />
        ) : (
          "asked the same as production; what it says reaches nobody"
        )
      }
    />
  );
}

function Preparing({ page }: { page: ModelPage }) {
  const { preparing, rolling } = page;
  if (rolling) return <Rolling page={page} rolling={rolling} />;
  if (!preparing) {
    return (
      <Lane
        label="Next"
        line={<span className="t2">nothing is being prepared</span>}
        note={LANE[page.environment].prepared}
      />
    );
  }
  const own = page.replicas.filter((r) => r.versionId === preparing.versionId && r.undesiredAt === null);
  const waits = own.find((r) => r.state !== "ready")?.message;
  return (
    <Lane
      label="Next"
      line={
        <>
          <b>
            <i className="key candidate" />v{preparing.version}
          </b>
          <Digest value={preparing.digest} />
          <span className="grow" />
          <StatusDot state="running">preparing</StatusDot>
        </>
      }
      note={
        <>
          revision {preparing.revision}, <Age at={preparing.createdAt.getTime()} />:{" "}
          {waits || "its replica is starting"}. Traffic moves when it is ready.
        </>
      }
    />
  );
}

function Lane({ label, line, note }: { label: string; line: ReactNode; note: ReactNode }) {
  return (
    <div>
      <div className="lab">{label}</div>
      <div className="lane-line">{line}</div>
      <div className="t2 s12">{note}</div>
    </div>
  );
}

function Health({ page, versionId, ready }: { page: ModelPage; versionId: string; ready: number }) {
  const crew = page.crews.find((c) => c.versionId === versionId);
  if (ready > 0) return <StatusDot state="ok">healthy</StatusDot>;
  if (crew?.isAsleep) return <StatusDot state="off">asleep</StatusDot>;
  if (crew?.wakesSince) return <StatusDot state="running">wakes</StatusDot>;
  return <StatusDot state="bad">no ready replica</StatusDot>;
}
