"use client";
import { useSearchParams } from "next/navigation";
import { useCallback } from "react";

/** One value in the address, so that back works and a link shows the same; an empty one leaves it. */
export function useUrlState(name: string): [string, (value: string) => void] {
  const params = useSearchParams();
  const value = params.get(name) ?? "";
  const set = useCallback(
    (next: string) => {
      const changed = new URLSearchParams(window.location.search);
      if (next) changed.set(name, next);
      else changed.delete(name);
      const query = changed.toString();
      window.history.replaceState(null, "", query ? `?${query}` : window.location.pathname);
    },
    [name],
  );
  return [value, set];
}
