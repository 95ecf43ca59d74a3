"use client";
import { useQuery } from "@tanstack/react-query";
import { Sparkline } from "@/components/charts/sparkline";
import { useTail } from "@/components/live/provider";
import { type Outputs, useTRPC } from "@/components/trpc/client";
import { bytes, bytesPerSecond } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { type Column, Table } from "@/components/ui/table";
import { workersSay } from "./run-words";
import type { RunDetail } from "./types";

type Worker = RunDetail["attempts"][number]["workers"][number];
type Use = Outputs["runs"]["use"][number];

/** The newest attempt's workers: where they are, and what they use of their nodes. */
export function WorkersPanel({ team, run }: { team: string; run: RunDetail }) {
  const trpc = useTRPC();
  const { data: uses = [], refetch } = useQuery(trpc.runs.use.queryOptions({ team, run: run.number }));
  useTail(run.id, (what) => {
    if (what === "metrics") void refetch();
  });
  const attempt = run.attempts.at(-1);
  const workers = attempt?.workers ?? [];
  const usedBy = (worker: Worker) => uses.find((use) => use.rank === worker.rank);
  const hasGpus = workers.some((worker) => worker.device !== "cpu");
  return (
    <Panel title="Workers" subtitle={workersSay(run, attempt)}>
      <Table
        label="Workers"
        tight
        rows={workers}
        rowKey={(w) => String(w.rank)}
        empty={<p className="empty t2">{run.waiting ?? "No worker is placed."}</p>}
        columns={[
          { key: "rank", head: "Rank", width: "52px", cell: (w) => <span className="m">{w.rank}</span> },
          { key: "node", head: "Node", cell: (w) => <span className="mono clip">{w.nodeName}</span> },
          ...(hasGpus
            ? [
                used("gpu", "GPU", "92px", usedBy, "gpuPercent", percentSays),
                used("gpu-memory", "GPU memory", "116px", usedBy, "gpuMemoryBytes", bytes),
              ]
            : []),
          used("cpu", "CPU", "92px", usedBy, "cpuPercent", percentSays),
          used("memory", "Memory", "116px", usedBy, "memoryBytes", bytes),
          {
            key: "network",
            head: "Network",
            align: "end",
            width: "92px",
            cell: (w) => <Network use={usedBy(w)} />,
          },
          {
            key: "pid",
            head: "Process",
            align: "end",
            width: "72px",
            cell: (w) => <span className="mono">{w.pid}</span>,
          },
        ]}
      />
    </Panel>
  );
}

const percentSays = (value: number): string => `${Math.round(value)}%`;

/** Both ways together, of the whole node. */
function Network({ use }: { use: Use | undefined }) {
  const sent = use?.sentBytesPerSecond.at(-1);
  const received = use?.receivedBytesPerSecond.at(-1);
  if (sent === undefined || received === undefined) return "";
  return (
    <span title={`Its node sends ${bytesPerSecond(sent)} and receives ${bytesPerSecond(received)}`}>
      {bytesPerSecond(sent + received)}
    </span>
  );
}

/** The newest value, with its course over the last minutes. */
function used(
  key: string,
  head: string,
  width: string,
  usedBy: (worker: Worker) => Use | undefined,
  of: Exclude<keyof Use, "rank">,
  say: (value: number) => string,
): Column<Worker> {
  return {
    key,
    head,
    align: "end",
    width,
    cell: (worker) => {
      const values = usedBy(worker)?.[of] ?? [];
      const newest = values.at(-1);
      if (newest === undefined) return "";
      return (
        <span className="row">
          <Sparkline
            label={`${head} of rank ${worker.rank}, ${say(newest)} now`}
            values={values}
            width={36}
          />
          {say(newest)}
        </span>
      );
    },
  };
}
