import { count, significant } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { type Column, Table } from "@/components/ui/table";
import type { DatasetReport, TableColumn } from "@/server/datasets/contract";

type TableReport = NonNullable<DatasetReport["table"]>;

const TYPES: Record<TableColumn["type"], string> = {
  int: "whole number",
  float: "number",
  bool: "yes or no",
  text: "text",
  other: "other",
};

/** A table's columns with what they hold and what they serve as, and its first rows. */
export function TablePanels({ table }: { table: TableReport }) {
  return (
    <>
      <Panel title="Columns" subtitle={`${table.mapping.features?.length ?? 0} fed to models`}>
        <Table<TableColumn>
          label="Columns"
          tight
          columns={columnsOf(table)}
          rows={table.columns}
          rowKey={(column) => column.name}
        />
      </Panel>
      <Panel title="First rows" subtitle="as the file holds them">
        <Table<{ key: string; cells: string[] }>
          label="First rows"
          tight
          columns={table.columns.slice(0, table.rows[0]?.length ?? 0).map((column, index) => ({
            key: column.name,
            head: column.name,
            align: column.type === "text" || column.type === "other" ? "start" : "end",
            cell: (row) => row.cells[index] || <span className="t3">missing</span>,
          }))}
          rows={table.rows.map((cells, index) => ({ key: String(index), cells }))}
          rowKey={(row) => row.key}
        />
      </Panel>
    </>
  );
}

/** Text has none of these figures, so nothing stands there: it was not left unmeasured. */
const figure = (value: number | null) => (value === null ? "" : significant(value));

const columnsOf = ({ mapping }: TableReport): Column<TableColumn>[] => [
  { key: "name", head: "Column", cell: (column) => column.name },
  { key: "role", head: "Serves as", cell: (column) => roleOf(column.name, mapping) },
  { key: "type", head: "Type", cell: (column) => TYPES[column.type] },
  { key: "min", head: "Min", align: "end", cell: (column) => figure(column.min) },
  { key: "mean", head: "Mean", align: "end", cell: (column) => figure(column.mean) },
  { key: "max", head: "Max", align: "end", cell: (column) => figure(column.max) },
  {
    key: "distinct",
    head: "Values",
    align: "end",
    cell: ({ distinct }) => (distinct === null ? "over 1,000" : count(distinct)),
  },
  { key: "missing", head: "Missing", align: "end", cell: (column) => count(column.missing) },
];

function roleOf(name: string, { label, features, slice }: TableReport["mapping"]): string {
  if (name === label) return "label";
  if (name === slice) return "slices";
  const position = features?.indexOf(name) ?? -1;
  return position < 0 ? "not used" : `feature ${position + 1}`;
}
