"use client";
import { Age } from "@/components/ui/age";
import { EmptyState } from "@/components/ui/feedback";
import { figureOf } from "@/components/ui/figure";
import { bytes, count, ms, plural } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { type Column, Table } from "@/components/ui/table";
import type { DatasetTask } from "@/server/datasets/contract";
import { inWords, type Settings, type Unit } from "@/server/studio/contract";
import type { Measurement } from "@/server/studio/session-contract";
import { interval } from "./interval";
import { sameSettings } from "./settings";

interface Props {
  measurements: readonly Measurement[];
  settings: Settings;
  from: string;
  task: DatasetTask;
  units: readonly Unit[];
  onRestore: (settings: Settings) => void;
}

/** Every setting that was measured, newest first; a press turns the dials back to it. */
export function HistoryPanel({ measurements, settings, from, task, units, onRestore }: Props) {
  return (
    <Panel
      title="Session history"
      subtitle={`${plural(measurements.length, "measured setting")}; a press restores the dials`}
    >
      <Table
        label="Measured settings"
        columns={columns(from, task, units)}
        rows={measurements}
        rowKey={(m) => m.id}
        onRowPress={(m) => onRestore(m.settings)}
        isSelected={(m) => sameSettings(m.settings, settings)}
        maxHeight={360}
        empty={
          <EmptyState title="Nothing measured yet">
            Each setting that is measured while you turn the dials stays here, also after the session has
            closed.
          </EmptyState>
        }
      />
    </Panel>
  );
}

const sizesOf = ({ measured }: Measurement) => (measured.sizes ?? measured.built)?.sizes;
const latencyOf = ({ measured }: Measurement, batch: number) =>
  measured.latency?.latency.find((l) => l.batch === batch)?.p50Ms ?? null;

const columns = (from: string, task: DatasetTask, units: readonly Unit[]): Column<Measurement>[] => [
  { key: "setting", head: "Setting", cell: (m) => inWords(m.settings, units) },
  { key: "n", head: "n", align: "end", cell: (m) => count(m.n), width: "80px" },
  {
    key: "accuracy",
    head: figureOf(task).name,
    align: "end",
    width: "96px",
    cell: (m) => figureOf(task).value(m.measured.accuracy.accuracy),
  },
  {
    key: "difference",
    head: `Against ${from}`,
    align: "end",
    width: "148px",
    cell: ({ measured: { accuracy } }) => (
      <>
        {figureOf(task).difference(accuracy.paired.difference)}
        <span className="t2">{interval(accuracy.paired.halfWidth, task)}</span>
      </>
    ),
  },
  { key: "file", head: "File", align: "end", width: "88px", cell: (m) => bytes(sizesOf(m)?.file) },
  {
    key: "zstd",
    head: "zstd-19",
    align: "end",
    width: "88px",
    cell: (m) => {
      const zstd = sizesOf(m)?.zstd19 ?? null;
      return zstd === null ? <span className="t3">not yet</span> : bytes(zstd);
    },
  },
  {
    key: "batch1",
    head: "Batch 1",
    align: "end",
    width: "84px",
    cell: (m) => (latencyOf(m, 1) === null ? <span className="t3">not yet</span> : ms(latencyOf(m, 1))),
  },
  {
    key: "batch64",
    head: "Batch 64",
    align: "end",
    width: "84px",
    cell: (m) => (latencyOf(m, 64) === null ? <span className="t3">not yet</span> : ms(latencyOf(m, 64))),
  },
  {
    key: "at",
    head: "Measured",
    align: "end",
    width: "104px",
    cell: (m) => <Age at={m.createdAt} form="ago" />,
  },
];
