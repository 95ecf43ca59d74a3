"use client";

import { useNow } from "./clock";
import { cx } from "./cx";
import { age, datetime, relativeTime } from "./format";
import { type Freshness, freshness } from "./freshness";
import { StateShape } from "./shape";

/** The age of a moment (Unix ms) and what it says about a value that renews every `periodMs`. */
export function useFreshness(at: number | null | undefined, periodMs: number | undefined): Freshness {
  const now = useNow();
  if (at === null || at === undefined) return "dead";
  return now === null ? "fresh" : freshness(now - at, periodMs);
}

type AgeProps = {
  /** Server timestamp, Unix ms. */
  at: number | Date;
  /** The period of a live value; its age stays quiet until twice of it. Leave out for things that happened. */
  periodMs?: number | undefined;
  /** "20 min" in columns headed "Age", "20 min ago" in sentences. */
  form?: "short" | "ago" | undefined;
  className?: string | undefined;
};

/** A live age; the absolute time is on hover, in UTC and in local time. */
export function Age({ at: moment, periodMs, form = "short", className }: AgeProps) {
  const now = useNow();
  const at = Number(moment);
  if (now === null) return <time className={cx("age", className)}>{datetime(at)}</time>;
  const level = freshness(now - at, periodMs);
  const words = form === "ago" ? relativeTime(at, now) : age(now - at);
  return (
    <time
      className={cx("age", level, className)}
      dateTime={new Date(at).toISOString()}
      title={`${datetime(at)}\n${datetime(at, "local")}`}
    >
      {level === "stale" && <StateShape state="stale" />}
      {level === "dead" ? `no data ${words}` : level === "fresh" ? words : `${words} old`}
    </time>
  );
}
