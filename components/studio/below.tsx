"use client";
import { useQuery } from "@tanstack/react-query";
import { memo, useDeferredValue, useMemo } from "react";
import { useTRPC } from "@/components/trpc/client";
import type { DatasetTask } from "@/server/datasets/contract";
import type { Settings, Unit } from "@/server/studio/contract";
import type { Measured, Measurement } from "@/server/studio/session-contract";
import { BreaksPanel } from "./breaks-panel";
import { HistoryPanel } from "./history-panel";

/** What changes with every step of a dial and every line of a measurement. */
interface Shown {
  settings: Settings;
  measured: Partial<Measured>;
  measurements: readonly Measurement[];
}

interface Setting {
  team: string;
  sessionId: string | null;
  datasetName: string;
  task: DatasetTask;
  units: readonly Unit[];
  from: string;
  onRestore: (settings: Settings) => void;
}

/** What breaks, and the history: drawn when the dials and figures are, and never in their way. */
export function Below({ settings, measured, measurements, ...setting }: Shown & Setting) {
  const latest = useMemo(() => ({ settings, measured, measurements }), [settings, measured, measurements]);
  return <Panels {...setting} shown={useDeferredValue(latest)} />;
}

const Panels = memo(function Panels({
  shown,
  datasetName,
  onRestore,
  ...setting
}: Setting & { shown: Shown }) {
  const { settings, measured, measurements } = shown;
  const trpc = useTRPC();
  const { data: dataset } = useQuery(
    trpc.datasets.page.queryOptions({ team: setting.team, dataset: datasetName }),
  );
  return (
    <>
      <BreaksPanel
        {...setting}
        settings={settings}
        accuracy={measured.accuracy}
        changed={measured.changed}
        shape={dataset?.report?.shape ?? []}
        labels={dataset?.labels ?? []}
      />
      <HistoryPanel {...setting} settings={settings} measurements={measurements} onRestore={onRestore} />
    </>
  );
});
