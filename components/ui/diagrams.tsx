import { Fragment, type ReactNode } from "react";
import { cx } from "./cx";
import { StateShape } from "./shape";

export type LineageItem = {
  id: string;
  name: ReactNode;
  digest?: ReactNode;
  /** Size and precision. */
  detail?: ReactNode;
  /** Square for a step without a name, coloured circles for baseline and candidate. */
  mark?: "version" | "baseline" | "candidate" | "step" | undefined;
  /** How it came from the artifact before it: the recipe, what it cost, and what else joins on a second edge. */
  recipe?: { title: ReactNode; detail?: ReactNode; joins?: ReactNode } | undefined;
};

const MARKS = { version: "", baseline: "base", candidate: "cand", step: "step" } as const;

/** Artifacts on a line, the recipe on the line between them. */
export function Lineage({ items, label }: { items: readonly LineageItem[]; label: string }) {
  const columns = items.map((item) => (item.recipe ? "minmax(120px, 1fr) auto" : "auto")).join(" ");
  return (
    <section className="lineage" aria-label={label} style={{ gridTemplateColumns: columns }}>
      {items.map((item) => (
        <Fragment key={item.id}>
          {item.recipe && (
            <div className="edge">
              <div className="on">{item.recipe.title}</div>
              <div className="det">
                {item.recipe.joins && <div className="join">{item.recipe.joins}</div>}
                {item.recipe.detail}
              </div>
            </div>
          )}
          <div className="art">
            <i className={cx("mk", MARKS[item.mark ?? "version"])} />
            <div className="nm">
              <b>{item.name}</b>
              {item.digest}
            </div>
            <div className="d">{item.detail}</div>
          </div>
        </Fragment>
      ))}
    </section>
  );
}

export type Step = {
  id: string;
  title: ReactNode;
  detail: ReactNode;
  state: "done" | "now" | "next";
  /** Share of the current step that is behind, 0 to 1. */
  share?: number | undefined;
};

/** What a canary has done, does now and may do next. */
export function Stepper({ steps, label }: { steps: readonly Step[]; label: string }) {
  return (
    <ol className="stepper" aria-label={label}>
      {steps.map((step) => (
        <li
          key={step.id}
          className={step.state}
          aria-current={step.state === "now" ? "step" : undefined}
          style={{ "--v": (step.share ?? 0) * 100 }}
        >
          <StateShape state={step.state === "done" ? "ok" : step.state === "now" ? "running" : "pending"} />
          <b>{step.title}</b>
          {step.detail}
        </li>
      ))}
    </ol>
  );
}
