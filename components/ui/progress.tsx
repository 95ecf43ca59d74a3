"use client";

import type { ReactNode } from "react";
import { TextAction } from "./button";
import { cx } from "./cx";
import { duration, percent } from "./format";
import { StatusDot } from "./status";

export type BarTone = "accent" | "warn" | "bad" | "ink";

type BarProps = {
  /** 0 to 1. */
  value: number;
  label: string;
  tone?: BarTone | undefined;
  /** A limit on the same scale, drawn as a line. */
  limit?: number | undefined;
  className?: string | undefined;
};

const clamp = (value: number) => Math.min(1, Math.max(0, value));

/** A share of something, 4 px high. For work under way use `Progress`. */
export function Bar({ value, label, tone = "accent", limit, className }: BarProps) {
  return (
    <div
      className={cx("bar", tone !== "accent" && tone, className)}
      role="img"
      aria-label={`${label}: ${percent(value, 0)}`}
    >
      <i style={{ width: percent(clamp(value), 2) }} />
      {limit !== undefined && <span className="lim" style={{ left: percent(clamp(limit), 2) }} />}
    </div>
  );
}

type ProgressProps = {
  /** What runs; read by screen readers. */
  label: string;
  /** 0 to 1; null while nothing moves, and then `waiting` says why. */
  value: number | null;
  /** "step 5,122 of 7,504". */
  step?: ReactNode;
  etaSeconds?: number | null | undefined;
  /** "waiting for 2 CPUs: node 3 of 4 is starting". */
  waiting?: ReactNode;
  /** What went wrong; the bar keeps the place where it stopped. */
  failed?: ReactNode;
  /** At the right end: cancel, stop or retry. */
  action?: { label: string; onPress: () => void } | undefined;
};

/** Work under way: percent and step at the left, time left and a way out at the right. It never spins. */
export function Progress({ label, value, step, etaSeconds, waiting, failed, action }: ProgressProps) {
  const share = value === null ? 0 : clamp(value);
  return (
    <div className="prog">
      <div
        className={cx("bar", Boolean(failed) && "bad")}
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={100}
        {...(value !== null && { "aria-valuenow": Math.floor(share * 100) })}
      >
        <i style={{ width: `${share * 100}%` }} />
      </div>
      <div className="row">
        {failed ? (
          <StatusDot state="bad">{failed}</StatusDot>
        ) : (
          <span>{waiting ?? [`${Math.floor(share * 100)}%`, step && ", ", step]}</span>
        )}
        <span className="grow" />
        {!failed && typeof etaSeconds === "number" && (
          <span className="nowrap">{duration(etaSeconds)} left</span>
        )}
        {action && <TextAction onClick={action.onPress}>{action.label}</TextAction>}
      </div>
    </div>
  );
}
