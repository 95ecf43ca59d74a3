"use client";

import { useEffect, useSyncExternalStore } from "react";

export type Crumb = { label: string; href?: string | undefined };

let current: readonly Crumb[] | undefined;
const listeners = new Set<() => void>();

function show(crumbs: readonly Crumb[] | undefined): void {
  current = crumbs;
  for (const listener of listeners) listener();
}

/** Names the place of the page in the top bar while the page is shown. */
export function useCrumbs(crumbs: readonly Crumb[] | undefined): void {
  // Compared by content, so that a page may write its crumbs inline.
  const content = crumbs && JSON.stringify(crumbs);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `content` stands for `crumbs`
  useEffect(() => {
    if (!crumbs) return;
    show(crumbs);
    return () => {
      if (current === crumbs) show(undefined);
    };
  }, [content]);
}

/** What the page on screen named, if anything. */
export function useCurrentCrumbs(): readonly Crumb[] | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
    () => undefined,
  );
}
