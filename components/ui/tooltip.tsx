"use client";

import { Tooltip as Base } from "@base-ui/react/tooltip";
import type { ReactElement, ReactNode } from "react";
import { usePortalHost } from "./portal-host";

/** More about one control, on hover and on focus. Nothing that must be read may live here only. */
export function Tooltip({ text, children }: { text: ReactNode; children: ReactElement }) {
  const [control, host] = usePortalHost();
  return (
    <Base.Root>
      <Base.Trigger ref={control} render={children} />
      <Base.Portal container={host}>
        <Base.Positioner className="layer" sideOffset={6}>
          <Base.Popup className="tip">{text}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
