"use client";

import Link from "next/link";
import type { MouseEvent, ReactNode } from "react";
import { cx } from "./cx";
import type { Column, TableProps } from "./table";

type TableRowProps<Row> = {
  row: Row;
  index: number;
  columns: readonly Column<Row>[];
  table: Pick<TableProps<Row>, "rowHref" | "onRowPress" | "isSelected" | "flag">;
};

/** A press on a row follows its first cell, except on a control of its own or while text is being selected. */
function pressFirstCell(event: MouseEvent<HTMLTableRowElement>): void {
  const target = event.target;
  if (!(target instanceof Element) || target.closest("a, button, input, [role=checkbox], [role=switch]"))
    return;
  if (window.getSelection()?.toString()) return;
  event.currentTarget.querySelector<HTMLElement>("[data-row-focus]")?.click();
}

/** One row. Its first cell holds the link or button that carries focus and keyboard. */
export function TableRow<Row>({ row, index, columns, table }: TableRowProps<Row>) {
  const selected = table.isSelected?.(row) ?? false;
  const flag = table.flag?.(row);
  const interactive = table.rowHref !== undefined || table.onRowPress !== undefined;
  return (
    <tr
      aria-rowindex={index + 2}
      aria-selected={selected || undefined}
      data-index={index}
      className={cx(selected && "sel", flag && "flag", flag === "bad" && "bad", interactive && "can-press")}
      onClick={interactive ? pressFirstCell : undefined}
    >
      {columns.map((column, position) => (
        <td key={column.key} className={cx(column.align === "end" && "num", column.className)}>
          {position === 0 ? (
            <RowFocus row={row} table={table}>
              {column.cell(row)}
            </RowFocus>
          ) : (
            column.cell(row)
          )}
        </td>
      ))}
    </tr>
  );
}

function RowFocus<Row>({
  row,
  table,
  children,
}: Pick<TableRowProps<Row>, "row" | "table"> & { children: ReactNode }) {
  if (table.rowHref) {
    return (
      <Link href={table.rowHref(row)} data-row-focus="" prefetch={false} className="row-focus">
        {children}
      </Link>
    );
  }
  if (table.onRowPress) {
    const press = table.onRowPress;
    return (
      <button type="button" data-row-focus="" className="row-focus" onClick={() => press(row)}>
        {children}
      </button>
    );
  }
  return children;
}
