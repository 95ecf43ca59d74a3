"use client";

import { useCallback, useSyncExternalStore } from "react";

/** One cursor position for all charts of a page that share a key. `source` is the chart that moved it. */
type Cursor = { x: number; source: string } | null;

const cursors = new Map<string, Cursor>();
const listeners = new Map<string, Set<() => void>>();

/** Moves the cursor of `key`, or takes it away. */
export function moveCursor(key: string, cursor: Cursor): void {
  const current = cursors.get(key) ?? null;
  if (current?.x === cursor?.x) return;
  cursors.set(key, cursor);
  for (const listener of listeners.get(key) ?? []) listener();
}

/** The cursor of `key` now. */
export function cursorOf(key: string): Cursor {
  return cursors.get(key) ?? null;
}

/** Calls back when the cursor of `key` moved; returns the unsubscriber. */
export function onCursor(key: string, listener: () => void): () => void {
  const set = listeners.get(key) ?? new Set();
  listeners.set(key, set.add(listener));
  return () => {
    set.delete(listener);
    if (set.size === 0 && listeners.get(key) === set) {
      listeners.delete(key);
      cursors.delete(key);
    }
  };
}

/** The cursor of `key` and its mover; charts without a shared key pass an id of their own. */
export function useCursor(key: string, source: string): readonly [number | null, (x: number | null) => void] {
  const x = useSyncExternalStore(
    useCallback((listener) => onCursor(key, listener), [key]),
    () => cursorOf(key)?.x ?? null,
    () => null,
  );
  const move = useCallback(
    (to: number | null) => moveCursor(key, to === null ? null : { x: to, source }),
    [key, source],
  );
  return [x, move];
}
