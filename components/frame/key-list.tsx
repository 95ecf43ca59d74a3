"use client";

import { Dialog } from "@/components/ui/dialog";
import { KeyHint } from "@/components/ui/key-hint";
import type { RailItem } from "./types";

type KeyListProps = { open: boolean; onOpenChange: (open: boolean) => void; items: readonly RailItem[] };

/** `?`: all keys of the console. */
export function KeyList({ open, onOpenChange, items }: KeyListProps) {
  const rows: (readonly [string, string])[] = [
    ["⌘K", "Search or do anything"],
    ...items.flatMap(({ key, label }) => (key ? [[`g ${key}`, `Go to ${label}`] as const] : [])),
    ["↑ ↓", "Move between rows, points and choices"],
    ["p", "Pause or resume the run shown"],
    ["Enter", "Open what has the focus"],
    ["Esc", "Close what is open; nothing is done"],
    ["?", "This list"],
  ];
  return (
    <Dialog open={open} onOpenChange={onOpenChange} title="Keys">
      <dl className="kv key-list">
        {rows.map(([keys, what]) => (
          <div key={keys} className="contents">
            <dt>
              <KeyHint keys={keys} />
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
