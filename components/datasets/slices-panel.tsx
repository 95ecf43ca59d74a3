import { count, plural } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { type Column, Table } from "@/components/ui/table";
import type { DatasetReport } from "@/server/datasets/contract";

type Slice = DatasetReport["slices"][number];

const COLUMNS: Column<Slice>[] = [
  { key: "name", head: "Slice", cell: (slice) => slice.name },
  { key: "train", head: "Train", align: "end", width: "96px", cell: (slice) => count(slice.train) },
  { key: "test", head: "Test", align: "end", width: "96px", cell: (slice) => count(slice.test) },
];

/** The groups of samples that evaluations on this dataset are told apart by. */
export function SlicesPanel({ slices }: { slices: Slice[] }) {
  return (
    <Panel title="Slices" subtitle={`${plural(slices.length, "group")} that evaluations tell apart`}>
      <Table label="Slices" tight columns={COLUMNS} rows={slices} rowKey={(slice) => slice.name} />
    </Panel>
  );
}
