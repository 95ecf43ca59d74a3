"use client";

import type { ReactNode } from "react";
import { Age, useFreshness } from "./age";
import { cx } from "./cx";
import { count, NOT_MEASURED } from "./format";

type MetricProps = {
  label: ReactNode;
  /** The number, already written by `format`; null when nobody measured it. */
  value: string | null;
  unit?: string | undefined;
  /** Half the width of the 95% interval, already written: "±0.4". */
  half?: string | undefined;
  /** Samples behind the value. */
  n?: number | undefined;
  /** Only for values of which both kinds exist; a predicted value is dashed and says so. */
  kind?: "measured" | "predicted" | undefined;
  /** When it was measured (Unix ms), and how often a live value renews. */
  at?: number | undefined;
  periodMs?: number | undefined;
  /** Difference to what it is compared with, already written: "−3.3 pt". */
  delta?: string | undefined;
  /** One sentence below. */
  note?: ReactNode;
  /** "lg" is for the one number a screen is about. */
  size?: "md" | "lg" | undefined;
  className?: string | undefined;
};

/** One number with what is known about it. Its width does not change when its digits do. */
export function Metric(props: MetricProps) {
  const { label, value, unit, half, n, kind, at, periodMs, delta, note, size = "md", className } = props;
  const level = useFreshness(at ?? Number.POSITIVE_INFINITY, periodMs);
  const grey = level !== "fresh" || value === null;
  const shown = level === "dead" ? "none" : (value ?? NOT_MEASURED);
  return (
    <div className={cx("tile", grey && "stale", className)}>
      <div className="lab">
        <span>{label}</span>
        {at !== undefined && periodMs !== undefined ? (
          <Age at={at} periodMs={periodMs} />
        ) : (
          kind && <span className={cx("kind", kind === "predicted" && "pred")}>{kind}</span>
        )}
      </div>
      <div className={cx("v", size === "md" && "mid")}>
        <span className={cx(kind === "predicted" && "predicted")}>{shown}</span>
        {unit && shown === value && <small>{unit}</small>}
        {half && shown === value && <small>{half}</small>}
        {delta && shown === value && <small>{delta}</small>}
      </div>
      {(note || n !== undefined) && (
        <div className="sub">
          {n !== undefined && `n = ${count(n)}`}
          {n !== undefined && note && ", "}
          {note}
        </div>
      )}
    </div>
  );
}
