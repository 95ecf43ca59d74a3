import type { ReactNode } from "react";
import { type State, StateShape } from "./shape";

export type CheckState = "pending" | "running" | "ok" | "warning" | "failed" | "not-measured";

export type CheckItem = {
  id: string;
  label: ReactNode;
  state: CheckState;
  /** At the right: the figure or what it found. */
  value?: ReactNode;
  /** Below: which rule, which byte or node, and how to mend it. */
  detail?: ReactNode;
};

const SHAPE: Record<CheckState, State> = {
  pending: "pending",
  running: "running",
  ok: "ok",
  warning: "warning",
  failed: "bad",
  "not-measured": "not-measured",
};

const WORD: Record<CheckState, string> = {
  pending: "not yet",
  running: "running",
  ok: "pass",
  warning: "warning",
  failed: "fail",
  "not-measured": "not measured",
};

type ChecklistProps = {
  label: string;
  items: readonly CheckItem[];
  /** Shows the verdict as a word at the right end, for gates. */
  words?: boolean | undefined;
};

/** Steps or gates, each with its shape; changes are told politely to screen readers. */
export function Checklist({ label, items, words = false }: ChecklistProps) {
  return (
    <ul className={words ? "steps gates" : "steps"} aria-label={label} aria-live="polite">
      {items.map(({ id, label: name, state, value, detail }) => (
        <li key={id} className={state}>
          <StateShape state={SHAPE[state]} />
          <span className="what">
            {name}
            {!words && <span className="sr-only">, {WORD[state]}</span>}
          </span>
          <span className="val">{value}</span>
          {words && <span className="word">{WORD[state]}</span>}
          {detail && <span className="why">{detail}</span>}
        </li>
      ))}
    </ul>
  );
}
