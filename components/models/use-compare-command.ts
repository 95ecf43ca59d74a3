"use client";
import { useMemo } from "react";
import { type Command, useCommands } from "@/components/ui/commands";

/** Offers the comparison in the palette while there is one to go to. */
export function useCompareCommand(model: string, href: string | undefined): void {
  useCommands(
    useMemo<readonly Command[]>(
      () =>
        href === undefined
          ? []
          : [
              {
                id: `compare-${model}`,
                group: "Actions",
                label: `Compare versions of ${model}`,
                keywords: "side by side difference",
                href,
              },
            ],
      [model, href],
    ),
  );
}
