"use client";

import type { ReactNode } from "react";
import { type Crumb, useCrumbs } from "./crumbs";

type PageHeaderProps = {
  title: ReactNode;
  /** A `StatusBadge`. */
  state?: ReactNode;
  /** Who, from what, since when. */
  meta?: ReactNode;
  /** At most one primary button among them. */
  actions?: ReactNode;
  /** Names for the top bar; without them it shows the words of the address. */
  crumbs?: readonly Crumb[] | undefined;
};

/** The head of a page: what it is, its state, and what can be done. */
export function PageHeader({ title, state, meta, actions, crumbs }: PageHeaderProps) {
  useCrumbs(crumbs);
  return (
    <div className="head">
      <h1>{title}</h1>
      {state}
      {meta && <span className="t2">{meta}</span>}
      <span className="grow" />
      {actions}
    </div>
  );
}
