import type { ReactNode } from "react";

/** Every state of the product; each has a shape of its own, so that colour is never needed to tell it. */
export type State = "ok" | "running" | "pending" | "warning" | "bad" | "off" | "not-measured" | "stale";

const SHAPES: Record<State, ReactNode> = {
  ok: <circle cx="5" cy="5" r="4.5" fill="currentColor" />,
  warning: <path d="M5 .4 10 9.6H0Z" fill="currentColor" />,
  bad: <path d="M5 0 10 5 5 10 0 5Z" fill="currentColor" />,
  running: (
    <>
      <circle cx="5" cy="5" r="4.2" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <path d="M5 .8A4.2 4.2 0 0 1 5 9.2Z" fill="currentColor" />
    </>
  ),
  pending: <circle cx="5" cy="5" r="4.2" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  off: <rect x="1" y="1" width="8" height="8" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  "not-measured": (
    <circle
      cx="5"
      cy="5"
      r="4.2"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeDasharray="2.2 1.9"
    />
  ),
  stale: <path d="M5 1.6 9 9H1Z" fill="none" stroke="currentColor" strokeWidth="1.4" />,
};

/** Class names of the style sheet, one a state. */
export const STATE_CLASS: Record<State, string> = {
  ok: "ok",
  running: "run",
  pending: "wait",
  warning: "warn",
  bad: "bad",
  off: "off",
  "not-measured": "nm",
  stale: "stale",
};

/** The shape alone. A word must stand beside it. */
export function StateShape({ state }: { state: State }) {
  return (
    <svg viewBox="0 0 10 10" aria-hidden="true" className={`shape c-${STATE_CLASS[state]}`}>
      {SHAPES[state]}
    </svg>
  );
}
