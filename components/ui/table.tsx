"use client";

import { type CSSProperties, type ReactNode, useRef } from "react";
import { cx } from "./cx";
import { Skeleton } from "./feedback";
import { TableRow } from "./table-row";
import { useRowWindow } from "./use-row-window";

export type Column<Row> = {
  key: string;
  head: ReactNode;
  cell: (row: Row) => ReactNode;
  /** "end" for numbers, head included. */
  align?: "start" | "end" | undefined;
  /** CSS width; with a width on any column the layout is fixed and columns without one share the rest. */
  width?: string | undefined;
  /** The head becomes a button that asks for another order. */
  sortable?: boolean | undefined;
  className?: string | undefined;
};

export type Sort = { key: string; direction: "asc" | "desc" };

export type TableProps<Row> = {
  /** Name for screen readers. */
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** Address of a row: its first cell becomes the link, a press anywhere in the row follows it. */
  rowHref?: ((row: Row) => string) | undefined;
  /** What a press does where a row has no address: select it, open a sheet. */
  onRowPress?: ((row: Row) => void) | undefined;
  isSelected?: ((row: Row) => boolean) | undefined;
  /** Marks problem rows with a bar at the left edge. */
  flag?: ((row: Row) => "warn" | "bad" | undefined) | undefined;
  sort?: Sort | undefined;
  onSort?: ((sort: Sort) => void) | undefined;
  /** The first page is on its way: skeleton rows. */
  loading?: boolean | undefined;
  /** The next page is on its way: one skeleton row at the end. */
  loadingMore?: boolean | undefined;
  /** Shown under the heads when there are no rows. */
  empty?: ReactNode;
  /** Called when the last rows come into sight; ask for the next page there. */
  onEndReached?: (() => void) | undefined;
  /** Scrolls inside this height with a sticky head. From 100 rows on a table always does ("70vh"). */
  maxHeight?: number | string | undefined;
  /** Px that a column without a width has at least; below that the table scrolls sideways. For widths in px. */
  minFlexible?: number | undefined;
  /** Rows of 28 px instead of 32. */
  tight?: boolean | undefined;
  className?: string | undefined;
};

const VIRTUAL_FROM = 100;

/**
 * A table of any length: only rows in sight exist in the page. Up and down, Home and End move between rows,
 * Enter opens one. Rows have one height, so a cell holds one line.
 */
export function Table<Row>(props: TableProps<Row>) {
  const { label, columns, rows, rowKey, loading, loadingMore, empty, sort, onSort, tight, className } = props;
  const rowHeight = tight ? 28 : 32;
  const isVirtual = rows.length >= VIRTUAL_FROM;
  const maxHeight = props.maxHeight ?? (isVirtual ? "70vh" : undefined);
  const frame = useRef<HTMLElement>(null);
  const shown = useRowWindow({
    count: rows.length,
    rowHeight,
    isVirtual,
    frame,
    onEndReached: props.onEndReached,
  });
  const isFixed = isVirtual || columns.some((column) => column.width !== undefined);
  const isInteractive = props.rowHref !== undefined || props.onRowPress !== undefined;

  return (
    <section
      ref={frame}
      className={cx("table-frame", className)}
      aria-label={label}
      style={maxHeight === undefined ? undefined : { maxHeight, overflow: "auto" }}
      tabIndex={maxHeight !== undefined && !isInteractive ? 0 : undefined}
    >
      <table
        className={cx(tight && "tight", isFixed && "set-widths")}
        aria-label={label}
        aria-rowcount={rows.length + 1}
        aria-busy={loading || loadingMore || undefined}
        style={
          props.minFlexible === undefined ? undefined : { minWidth: leastWidth(columns, props.minFlexible) }
        }
      >
        <colgroup>
          {columns.map((column) => (
            <col key={column.key} style={{ width: column.width }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <Head key={column.key} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={shown.onKeyDown}>
          {loading && rows.length === 0 && <SkeletonRows columns={columns} count={8} />}
          <Spacer height={shown.before} columns={columns.length} />
          {shown.indexes.map((index) => {
            const row = rows[index];
            return (
              row !== undefined && (
                <TableRow key={rowKey(row)} row={row} index={index} columns={columns} table={props} />
              )
            );
          })}
          <Spacer height={shown.after} columns={columns.length} />
          {loadingMore && <SkeletonRows columns={columns} count={1} />}
        </tbody>
      </table>
      {!loading && rows.length === 0 && empty}
    </section>
  );
}

const leastWidth = (columns: readonly { width?: string | undefined }[], flexible: number): number =>
  columns.reduce((sum, { width }) => sum + (width === undefined ? flexible : Number.parseFloat(width)), 0);

type HeadProps<Row> = {
  column: Column<Row>;
  sort: Sort | undefined;
  onSort: ((sort: Sort) => void) | undefined;
};

function Head<Row>({ column, sort, onSort }: HeadProps<Row>) {
  const direction = sort?.key === column.key ? sort.direction : undefined;
  const className = column.align === "end" ? "num" : undefined;
  if (!column.sortable || !onSort) {
    return (
      <th scope="col" className={className}>
        {column.head}
      </th>
    );
  }
  const next = direction === "desc" ? "asc" : "desc";
  return (
    <th
      scope="col"
      className={className}
      aria-sort={direction && (direction === "asc" ? "ascending" : "descending")}
    >
      <button
        type="button"
        className={cx("sort", direction && "dir")}
        onClick={() => onSort({ key: column.key, direction: next })}
      >
        {column.head}
        <span aria-hidden="true">{direction ? (direction === "asc" ? " ↑" : " ↓") : ""}</span>
      </button>
    </th>
  );
}

function Spacer({ height, columns }: { height: number; columns: number }) {
  if (height === 0) return null;
  const style: CSSProperties = { height, padding: 0, border: 0 };
  return (
    <tr className="spacer">
      <td colSpan={columns} style={style} />
    </tr>
  );
}

function SkeletonRows<Row>({ columns, count }: { columns: readonly Column<Row>[]; count: number }) {
  return Array.from({ length: count }, (_, row) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: skeleton rows have no identity
    <tr key={row}>
      {columns.map((column, index) => (
        <td key={column.key} className={column.align === "end" ? "num" : undefined}>
          <Skeleton width={`${35 + ((row * 17 + index * 23) % 40)}%`} />
        </td>
      ))}
    </tr>
  ));
}
