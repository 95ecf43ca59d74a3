"use client";
import { useSyncExternalStore } from "react";

const KEY = "lathe.runs.hidden-columns";
/** A run's title names its model, and nodes have no price at first. */
const AT_FIRST = "model,cost";
const CHANGED = "lathe:runs.hidden-columns";

function subscribe(listener: () => void): () => void {
  window.addEventListener(CHANGED, listener);
  return () => window.removeEventListener(CHANGED, listener);
}

/** Keys of the columns of the list of runs that are not shown; kept in this browser. */
export function useHiddenColumns(): readonly [readonly string[], (hidden: readonly string[]) => void] {
  const stored = useSyncExternalStore(
    subscribe,
    () => window.localStorage.getItem(KEY) ?? AT_FIRST,
    () => AT_FIRST,
  );
  const hidden = stored.split(",").filter(Boolean);
  const hide = (next: readonly string[]) => {
    window.localStorage.setItem(KEY, next.join(","));
    window.dispatchEvent(new Event(CHANGED));
  };
  return [hidden, hide];
}
