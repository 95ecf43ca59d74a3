"use client";

import type { ReactNode } from "react";
import { Button } from "./button";
import { cx } from "./cx";
import { Snippet } from "./digest";
import { STATE_CLASS, type State, StateShape } from "./shape";

/** An empty place teaches: what it is for, and the first step as a button. */
export function EmptyState({
  title,
  children,
  actions,
}: {
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <div className="empty">
      <h3>{title}</h3>
      {children && <p>{children}</p>}
      {actions && <div className="acts">{actions}</div>}
    </div>
  );
}

type ErrorStateProps = {
  /** What failed, as one sentence without a full stop. */
  what: string;
  /** What still works and how to mend it. */
  remedy: ReactNode;
  requestId?: string | undefined;
  onRetry?: (() => void) | undefined;
  actions?: ReactNode;
};

/** A part of a page, or a page, that could not be shown. */
export function ErrorState({ what, remedy, requestId, onRetry, actions }: ErrorStateProps) {
  return (
    <div className="empty" role="alert">
      <h3 className="st bad">
        <StateShape state="bad" />
        {what}
      </h3>
      <p>{remedy}</p>
      {(onRetry || actions) && (
        <div className="acts">
          {onRetry && <Button onClick={onRetry}>Try again</Button>}
          {actions}
        </div>
      )}
      {requestId && <Snippet text={`request ${requestId}`} label="request id" />}
    </div>
  );
}

/** Stands for text that is on its way; the width is that of the text it waits for. */
export function Skeleton({ width = "100%", height = 10 }: { width?: number | string; height?: number }) {
  return <span className="sk" style={{ width, height }} aria-hidden="true" />;
}

type MessageProps = {
  state: Extract<State, "warning" | "bad" | "stale" | "running" | "ok">;
  children: ReactNode;
  actions?: ReactNode;
  className?: string | undefined;
};

/** The whole console is affected: one line under the top bar. */
export function Banner({ state, children, actions, className }: MessageProps) {
  return (
    <div className={cx("banner", state === "bad" && "bad", className)} role="status">
      <StateShape state={state} />
      <span className="grow">{children}</span>
      {actions}
    </div>
  );
}

/** A problem on a page: sentence with numbers, evidence, then the next step. */
export function Callout({ state, children, actions, className }: MessageProps) {
  return (
    <div className={cx("call", STATE_CLASS[state], className)} role={state === "bad" ? "alert" : "status"}>
      <StateShape state={state} />
      <div className="grow">{children}</div>
      {actions && <div className="acts">{actions}</div>}
    </div>
  );
}
