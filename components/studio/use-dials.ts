"use client";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Settings } from "@/server/studio/contract";
import { NOTHING_CHANGED, readSettings, writeSettings } from "./settings";

/** Browsers refuse more than about a hundred changes of the address in half a minute; a drag makes more. */
const ADDRESS_MS = 250;

/** The dials, kept in the address so that a link shows the same settings. */
export function useDials() {
  const [settings, setSettings] = useState<Settings>(NOTHING_CHANGED);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  useEffect(() => {
    const read = () => setSettings(readSettings(window.location.search));
    read();
    window.addEventListener("popstate", read);
    return () => {
      window.removeEventListener("popstate", read);
      clearTimeout(timer.current);
    };
  }, []);

  const turn = useCallback((next: Settings) => {
    setSettings(next);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      const query = writeSettings(window.location.search, next);
      window.history.replaceState(null, "", query ? `?${query}` : window.location.pathname);
    }, ADDRESS_MS);
  }, []);
  return [settings, turn] as const;
}
