"use client";

import { useSyncExternalStore } from "react";

/** Ages are told by the server's clock: a workplace whose own clock is wrong must not see a wrong age. */
let offset = 0;
let now: number | null = null;
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function tick(): void {
  now = Date.now() + offset;
  for (const listener of listeners) listener();
}

function run(): void {
  const wanted = listeners.size > 0 && !document.hidden;
  if (wanted && timer === undefined) {
    tick();
    timer = setInterval(tick, 1000);
  } else if (!wanted && timer !== undefined) {
    clearInterval(timer);
    timer = undefined;
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) document.addEventListener("visibilitychange", run);
  run();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) document.removeEventListener("visibilitychange", run);
    run();
  };
}

/** Sets the clock by a message of the server that carries its time (Unix ms). */
export function syncClock(serverNow: number): void {
  offset = serverNow - Date.now();
}

/** The server's time now (Unix ms). */
export function serverNow(): number {
  return Date.now() + offset;
}

/**
 * The server's time (Unix ms), once a second for the whole page and not at all while the page is hidden.
 * Null while rendering on the server, where an age would be wrong by the time it is read.
 */
export function useNow(): number | null {
  return useSyncExternalStore(
    subscribe,
    () => now,
    () => null,
  );
}
