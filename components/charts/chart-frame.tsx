"use client";

import { type KeyboardEvent, type ReactNode, useId, useRef, useState } from "react";
import { cx } from "@/components/ui/cx";
import { Callout } from "@/components/ui/feedback";
import { Menu } from "@/components/ui/menu";
import { downloadCsv, downloadPng } from "./export";
import { Legend } from "./legend";
import type { ChartTable, LegendItem } from "./types";

/** What the frame needs to walk over the points of a chart by keyboard. */
export type ChartPoints = {
  count: number;
  /** The point under the cursor; -1 for none. */
  active: number;
  onActive: (index: number) => void;
  onSelect?: ((index: number) => void) | undefined;
  /** The point in words: "sparsity 48%: accuracy 90.4% ±1.0, n = 1,000". */
  describe: (index: number) => string;
};

export type ChartFrameProps = {
  title: string;
  /** On screen instead of the title, where the axis title says as much. */
  heading?: string | undefined;
  subtitle?: ReactNode;
  legend?: readonly LegendItem[] | undefined;
  /** Before the "…" button. */
  tools?: ReactNode;
  table: ChartTable;
  /** Name of downloaded files, without ending. */
  file: string;
  /** What the chart shows, for those who do not see it. */
  description: string;
  points?: ChartPoints | undefined;
  /** Without a border of its own, inside a panel that several charts share. */
  isInner?: boolean | undefined;
  className?: string | undefined;
  children: ReactNode;
};

/** Title, legend and tools of a chart; arrow keys over its points; the same data as table, CSV and PNG. */
export function ChartFrame(props: ChartFrameProps) {
  const {
    title,
    subtitle,
    legend = [],
    tools,
    table,
    file,
    description,
    points,
    isInner,
    className,
    children,
  } = props;
  const [asTable, setAsTable] = useState(false);
  const plot = useRef<HTMLFieldSetElement>(null);
  const describedBy = useId();
  const [failure, setFailure] = useState<string>();

  const savePicture = () => {
    if (!plot.current) return;
    setFailure(undefined);
    downloadPng(plot.current, file).catch((error: unknown) =>
      setFailure(`The picture was not made. ${error instanceof Error ? error.message : String(error)}`),
    );
  };

  return (
    <section className={cx("chart", isInner ? "inner" : "panel", className)} aria-label={title}>
      <header>
        <h2>{props.heading ?? title}</h2>
        {subtitle && <span className="t2 s12 clip">{subtitle}</span>}
        {legend.length > 0 && <Legend items={legend} />}
        <span className="grow" />
        {tools}
        <Menu
          label={`${title}: table, CSV, PNG`}
          groups={[
            {
              items: [
                { label: asTable ? "View as chart" : "View as table", onPress: () => setAsTable(!asTable) },
                { label: "Download CSV", onPress: () => downloadCsv(table, file) },
                {
                  label: "Download PNG",
                  onPress: savePicture,
                  reason: asTable ? "view as chart first" : undefined,
                },
              ],
            },
          ]}
        />
      </header>
      {failure && <Callout state="bad">{failure}</Callout>}
      {asTable ? (
        <TableView title={title} table={table} />
      ) : (
        <fieldset
          ref={plot}
          className="plot"
          aria-label={title}
          aria-describedby={describedBy}
          tabIndex={points && points.count > 0 ? 0 : undefined}
          onKeyDown={points && ((event) => walk(event, points))}
        >
          <p id={describedBy} className="sr-only">
            {description}
            {points && points.count > 0 && " Arrow keys move over the points."}
          </p>
          {children}
          <p className="sr-only" aria-live="polite">
            {points && points.active >= 0 && points.active < points.count && points.describe(points.active)}
          </p>
        </fieldset>
      )}
    </section>
  );
}

function walk(event: KeyboardEvent, points: ChartPoints): void {
  if (event.target !== event.currentTarget || points.count === 0) return;
  const { active, count } = points;
  const targets: Record<string, number> = {
    ArrowRight: Math.min(active + 1, count - 1),
    ArrowLeft: active < 0 ? count - 1 : Math.max(active - 1, 0),
    Home: 0,
    End: count - 1,
    Escape: -1,
  };
  const target = targets[event.key];
  if (target !== undefined) {
    if (event.key !== "Escape" || active >= 0) event.preventDefault();
    points.onActive(target);
  } else if (event.key === "Enter" && active >= 0) {
    points.onSelect?.(active);
  }
}

function TableView({ title, table }: { title: string; table: ChartTable }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="chart-table" aria-label={`${title}, table`} tabIndex={0}>
      <table className="tight">
        <thead>
          <tr>
            {table.heads.map((head, index) => (
              <th key={head} scope="col" className={index > 0 ? "num" : undefined}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a static table have no identity of their own
            <tr key={index}>
              {row.map((value, column) => (
                <td key={table.heads[column]} className={column > 0 ? "num" : undefined}>
                  {value ?? "–"}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
