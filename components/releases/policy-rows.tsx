"use client";
import type { ReactNode } from "react";
import { Button, TextAction } from "@/components/ui/button";
import type { Draft } from "./policy-draft";

/** What of a measured difference is tested. */
export const TESTS = [
  { value: "bound" as const, label: "bound", hint: "the worse end of the 95% interval" },
  { value: "point" as const, label: "value", hint: "the measured difference" },
];

export interface PartProps {
  draft: Draft;
  errors: Readonly<Record<string, string>>;
  onChange: (draft: Draft) => void;
}

interface RowsProps<T> {
  items: readonly T[];
  /** What one is: "figure". */
  what: string;
  error: string | undefined;
  onAdd: () => void;
  onRemove: (index: number) => void;
  children: (item: T, index: number) => ReactNode;
}

/** Rules of one kind below each other, each with a way to take it away, and one more at the end. */
export function Rows<T>({ items, what, error, onAdd, onRemove, children }: RowsProps<T>) {
  return (
    <div className="col">
      {items.map((item, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rules have no name of their own, and their fields are controlled
        <div key={index} className="policy-row">
          {children(item, index)}
          <TextAction
            className="policy-remove"
            aria-label={`Remove ${what} ${index + 1}`}
            onClick={() => onRemove(index)}
          >
            Remove
          </TextAction>
        </div>
      ))}
      {error && <p className="help err">{error}</p>}
      <div>
        <Button onClick={onAdd}>Add a {what}</Button>
      </div>
    </div>
  );
}
