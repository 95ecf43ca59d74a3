"use client";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { Age } from "@/components/ui/age";
import { Sheet } from "@/components/ui/dialog";
import { Callout, Skeleton } from "@/components/ui/feedback";
import { bytes, bytesPerSecond, datetime, decimal, duration, money } from "@/components/ui/format";
import { DefinitionList } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { Table } from "@/components/ui/table";
import { useUrlState } from "@/components/ui/use-url-state";
import { NodeUsage } from "./node-usage";
import { known, nodeSays, usedOf } from "./node-words";
import { TakeOutButtons } from "./take-out";
import type { NodePage } from "./types";
import { Section, Works } from "./works-list";

/** What it uses is no event: it is asked for while the sheet is open. */
const LOOK_MS = 2_000;
/** Nodes report to Ray every second or so. */
const HEARTBEAT_MS = 2_000;

/** All that is known of one node; `?node=…` opens it. */
export function NodeSheet({ team }: { team: string }) {
  const trpc = useTRPC();
  const [id, setId] = useUrlState("node");
  const found = useQuery(
    trpc.cluster.node.queryOptions(
      { team, id },
      { enabled: id !== "", refetchInterval: LOOK_MS, retry: false },
    ),
  );
  const node = found.data?.id === id ? found.data : undefined;
  const said = node && nodeSays(node);
  return (
    <Sheet
      open={id !== ""}
      onOpenChange={(open) => !open && setId("")}
      title={node?.name ?? "Node"}
      width={600}
      state={said && <StatusDot state={said.shape}>{said.word}</StatusDot>}
      footer={node && <TakeOutButtons team={team} node={node} />}
    >
      {found.error && !node ? (
        <QueryError error={found.error} onRetry={found.refetch} />
      ) : node ? (
        <NodeBody key={node.id} team={team} node={node} />
      ) : (
        <div className="body col">
          {[0, 1, 2, 3, 4, 5].map((line) => (
            <Skeleton key={line} width={`${80 - 7 * line}%`} />
          ))}
          <Skeleton height={200} />
        </div>
      )}
    </Sheet>
  );
}

/** Work that is not this console's counts too. */
const isFree = ({ occupants, cpusUsed, gpusUsed }: NodePage) => occupants.length + cpusUsed + gpusUsed === 0;

function NodeBody({ team, node }: { team: string; node: NodePage }) {
  return (
    <>
      {node.wish && node.state !== "gone" && (
        <Callout state="running">
          {node.wish === "drain" ? "Draining" : "Cordoned"}
          {node.wishedAt && (
            <>
              {" "}
              since <Age at={node.wishedAt.getTime()} form="ago" />
            </>
          )}
          {node.wishReason && `: ${node.wishReason}`}.{" "}
          {isFree(node)
            ? "Nothing runs on it any more; it is about to leave."
            : "It leaves once what runs on it moved or ended."}
        </Callout>
      )}
      <div className="body">
        <DefinitionList items={factsOf(node)} />
      </div>
      {node.gpus > 0 && <Gpus node={node} />}
      <Section title="Runs on it">
        <Works
          team={team}
          works={node.occupants}
          empty={
            isFree(node)
              ? "Nothing runs on it."
              : "Nothing of Lathe runs on it; other work holds its resources."
          }
        />
      </Section>
      <NodeUsage team={team} id={node.id} hasGpus={node.gpus > 0} />
      <Life node={node} />
      <Section title="Ran on it">
        <Works
          team={team}
          works={node.works.filter(({ until }) => until !== null)}
          empty="Nothing that has ended ran on it."
        />
      </Section>
    </>
  );
}

function factsOf(node: NodePage): [string, ReactNode][] {
  const heard =
    node.readAt && node.heartbeatAgeMs !== null ? node.readAt.getTime() - node.heartbeatAgeMs : null;
  const asked = `${decimal(node.cpusUsed, node.cpusUsed % 1 ? 1 : 0)} of ${decimal(node.cpus)} asked for`;
  const busy = known(node.cpuPercent, (value) => `${decimal(value / 100, 1)} busy`);
  const labels = Object.entries(node.labels);
  return [
    ["In this state", <Age key="since" at={node.stateSince.getTime()} />],
    ["Pool", node.pool],
    [
      "Address",
      <span key="address" className="mono">
        {node.address}
      </span>,
    ],
    ["CPUs", `${asked}; ${node.cpuPercent === null ? "use not known" : busy}`],
    ["Memory", usedOf(node.memoryUsedBytes, node.memoryBytes, bytes)],
    ["Disk", usedOf(node.diskUsedBytes, node.diskBytes, bytes)],
    [
      "Network",
      `receives ${known(node.receivedBytesPerSecond, bytesPerSecond)}, sends ${known(node.sentBytesPerSecond, bytesPerSecond)}`,
    ],
    [
      "Heard",
      node.state === "gone" || heard === null ? (
        "not known"
      ) : (
        <Age key="heard" at={heard} periodMs={HEARTBEAT_MS} form="ago" />
      ),
    ],
    ["Up for", duration(node.upSeconds)],
    [
      "Cost so far",
      node.cost === null
        ? "not known: its pool has no price"
        : `${money(node.cost)}${node.pricePerHour === null ? "" : `, at ${money(node.pricePerHour)} an hour`}`,
    ],
    ...(labels.length > 0
      ? [
          [
            "Labels",
            <span key="labels" className="mono">
              {labels.map(([name, value]) => `${name}=${value}`).join(" ")}
            </span>,
          ] as [string, ReactNode],
        ]
      : []),
  ];
}

/** Each of them; one that told nothing is there too. */
function Gpus({ node }: { node: NodePage }) {
  const rows = Array.from(
    { length: Math.ceil(node.gpus) },
    (_, index) =>
      node.gpuReadings.find((gpu) => gpu.index === index) ?? {
        ...{ index, percent: null, memoryBytes: null, celsius: null, watts: null },
      },
  );
  return (
    <Section
      title={`GPUs${node.gpuModel ? `: ${node.gpuModel}` : ""}, ${decimal(node.gpusUsed, node.gpusUsed % 1 ? 1 : 0)} of ${decimal(node.gpus)} asked for`}
    >
      <Table
        label={`GPUs of ${node.name}`}
        tight
        rows={rows}
        rowKey={(gpu) => String(gpu.index)}
        columns={[
          { key: "index", head: "GPU", cell: (gpu) => <span className="m">{gpu.index}</span> },
          {
            key: "use",
            head: "Use",
            align: "end",
            cell: (gpu) => known(gpu.percent, (v) => `${decimal(v)}%`),
          },
          {
            key: "memory",
            head: "Memory",
            align: "end",
            cell: (gpu) => usedOf(gpu.memoryBytes, node.gpuMemoryBytes, bytes),
          },
          {
            key: "celsius",
            head: "Temperature",
            align: "end",
            cell: (gpu) => known(gpu.celsius, (v) => `${decimal(v)} °C`),
          },
          {
            key: "watts",
            head: "Power",
            align: "end",
            cell: (gpu) => known(gpu.watts, (v) => `${decimal(v)} W`),
          },
        ]}
      />
    </Section>
  );
}

/** Its life in pieces, the newest first. */
function Life({ node }: { node: NodePage }) {
  return (
    <Section title="Its life">
      <Table
        label={`States of ${node.name}`}
        tight
        maxHeight={200}
        rows={node.states}
        rowKey={(piece) => String(piece.since.getTime())}
        empty={<p className="empty t2">No state of it was recorded.</p>}
        columns={[
          { key: "state", head: "State", cell: (piece) => piece.state },
          {
            key: "since",
            head: "Since",
            cell: (piece) => (
              <span title={datetime(piece.since.getTime())}>{datetime(piece.since.getTime(), "local")}</span>
            ),
          },
          {
            key: "for",
            head: "For",
            align: "end",
            cell: (piece) =>
              piece.until ? (
                duration((piece.until.getTime() - piece.since.getTime()) / 1000)
              ) : (
                <Age at={piece.since.getTime()} />
              ),
          },
        ]}
      />
    </Section>
  );
}
