import type { ReactNode } from "react";
import { cx } from "./cx";
import { STATE_CLASS, type State, StateShape } from "./shape";

type StatusProps = {
  state: State;
  children: ReactNode;
  title?: string | undefined;
  className?: string | undefined;
};

const isLoud = (state: State) => state === "warning" || state === "bad" || state === "stale";

/** Shape and word in running text, in tables and in the top bar. Warning, bad and stale words are bold. */
export function StatusDot({ state, children, title, className }: StatusProps) {
  return (
    <span className={cx("st", STATE_CLASS[state], className)} title={title}>
      <StateShape state={state} />
      {isLoud(state) ? <b>{children}</b> : <span>{children}</span>}
    </span>
  );
}

/** Shape and word in a frame: beside the title of a page. */
export function StatusBadge({ state, children, title, className }: StatusProps) {
  return (
    <span className={cx("badge", STATE_CLASS[state], className)} title={title}>
      <StateShape state={state} />
      {children}
    </span>
  );
}
