"use client";
import { useSearchParams } from "next/navigation";
import { useCallback, useEffect, useSyncExternalStore } from "react";
import { Address } from "./address";

const address = new Address(() => window);
const subscribe = (listener: () => void) => address.subscribe(listener);
if (typeof window !== "undefined") window.addEventListener("popstate", () => address.went());

/** One value in the address, so that back works and a link shows the same; an empty one leaves it. */
export function useUrlState(name: string): [string, (value: string) => void] {
  const params = useSearchParams();
  const drawn = params.get(name) ?? "";
  const wished = useSyncExternalStore(
    subscribe,
    () => address.wished(name),
    () => undefined,
  );
  useEffect(() => address.drew(params), [params]);
  const set = useCallback((next: string) => address.set(name, next, drawn), [name, drawn]);
  return [wished ?? drawn, set];
}
