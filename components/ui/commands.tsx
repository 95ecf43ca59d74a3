"use client";

import { useEffect, useSyncExternalStore } from "react";

export type Command = {
  id: string;
  /** Heading in the palette: "Actions", "Models", "Pages". */
  group: string;
  label: string;
  /** At the right: the state or the kind of what it leads to. */
  hint?: string | undefined;
  /** Keys that do the same, shown as caps: "g m". */
  keys?: string | undefined;
  /** Words by which it is found as well. */
  keywords?: string | undefined;
} & ({ href: string; run?: undefined } | { run: () => void; href?: undefined });

const registered = new Set<readonly Command[]>();
const listeners = new Set<() => void>();
let all: readonly Command[] = [];

function changed(): void {
  all = [...registered].flat();
  for (const listener of listeners) listener();
}

/** Offers commands in the palette while the component is shown. Memoize `items`, or they register at each render. */
export function useCommands(items: readonly Command[]): void {
  useEffect(() => {
    registered.add(items);
    changed();
    return () => {
      registered.delete(items);
      changed();
    };
  }, [items]);
}

const NONE: readonly Command[] = [];

/** Everything that is on offer now, in the order of registration. */
export function useAllCommands(): readonly Command[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => all,
    () => NONE,
  );
}
