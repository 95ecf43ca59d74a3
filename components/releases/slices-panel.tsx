"use client";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { figureOf } from "@/components/ui/figure";
import { count } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { type Column, Table } from "@/components/ui/table";
import { type SliceRow, sliceRows } from "./evidence";
import { useIsPhone } from "./use-is-phone";
import type { RequestPage } from "./words";

const SHOWN = 8;

/** How each slice of the dataset fares, the worst first; nothing where the dataset names none. */
export function SlicesPanel({ page: { evaluation, production } }: { page: RequestPage }) {
  const isPhone = useIsPhone();
  const [showsAll, setShowsAll] = useState(false);
  if (!evaluation || evaluation.perSlice.length === 0) return null;
  const rows = sliceRows(evaluation);
  const shown = showsAll ? rows : rows.slice(0, SHOWN);
  return (
    <Panel
      title="Slices"
      subtitle={production ? "largest loss first, 95% intervals" : "least first, 95% intervals"}
      tools={
        rows.length > SHOWN && (
          <Button size="sm" onClick={() => setShowsAll(!showsAll)}>
            {showsAll ? `Worst ${SHOWN}` : `All ${rows.length}`}
          </Button>
        )
      }
    >
      <Table
        label="Slices"
        rows={shown}
        rowKey={(row) => row.name}
        columns={columnsOf(figureOf(evaluation.task).name, production !== null, isPhone)}
      />
    </Panel>
  );
}

function columnsOf(figure: string, isCompared: boolean, isPhone: boolean): Column<SliceRow>[] {
  return [
    {
      key: "slice",
      head: "Slice",
      cell: (row) => (
        <span className={isPhone ? "wrap" : undefined}>
          {row.name}
          {isPhone && <span className="t2"> n = {count(row.n)}</span>}
        </span>
      ),
    },
    ...(isPhone
      ? []
      : [{ key: "n", head: "n", align: "end" as const, cell: (row: SliceRow) => count(row.n) }]),
    ...(isPhone && isCompared
      ? []
      : [{ key: "score", head: figure, align: "end" as const, cell: (row: SliceRow) => row.score }]),
    ...(isCompared
      ? [
          {
            key: "difference",
            head: "Against production",
            align: "end" as const,
            cell: (row: SliceRow) => <span className={row.loses ? "m" : "t2"}>{row.difference}</span>,
          },
        ]
      : []),
  ];
}
