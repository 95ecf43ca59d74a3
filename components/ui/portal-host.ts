"use client";

import { useCallback, useState } from "react";

/**
 * Where what pops up from a control belongs: the page or the dialog that holds the control, so that screen readers
 * find it in the same region. Give the ref to the control, and the host to its portal.
 */
export function usePortalHost(): readonly [(control: HTMLElement | null) => void, HTMLElement | undefined] {
  const [host, setHost] = useState<HTMLElement>();
  const ref = useCallback((control: HTMLElement | null) => {
    if (control)
      setHost(control.closest<HTMLElement>("main, .top, [role=dialog], [role=alertdialog]") ?? undefined);
  }, []);
  return [ref, host];
}
