"use client";

import { useSyncExternalStore } from "react";

const KEY = "lathe.rail";
const CHANGED = "lathe:rail";

function subscribe(listener: () => void): () => void {
  window.addEventListener(CHANGED, listener);
  return () => window.removeEventListener(CHANGED, listener);
}

function choose(isMini: boolean): void {
  window.localStorage.setItem(KEY, isMini ? "mini" : "wide");
  window.dispatchEvent(new Event(CHANGED));
}

/** Whether the rail shows icons only; kept in this browser. */
export function useRailChoice(): readonly [boolean, (isMini: boolean) => void] {
  const isMini = useSyncExternalStore(
    subscribe,
    () => window.localStorage.getItem(KEY) === "mini",
    () => false,
  );
  return [isMini, choose];
}
