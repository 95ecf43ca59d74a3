"use client";
import { useSyncExternalStore } from "react";

const QUERY = "(max-width: 767px)";

/** Whether the window is a phone's: pages for decisions show the rows that matter there. */
export function useIsPhone(): boolean {
  return useSyncExternalStore(
    (changed) => {
      const media = window.matchMedia(QUERY);
      media.addEventListener("change", changed);
      return () => media.removeEventListener("change", changed);
    },
    () => window.matchMedia(QUERY).matches,
    () => false,
  );
}
