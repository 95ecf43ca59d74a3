"use client";

import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type RefObject, useEffect, useEffectEvent } from "react";

type RowWindow = {
  /** Rows to draw. */
  indexes: readonly number[];
  /** Heights in px of what is left out above and below. */
  before: number;
  after: number;
  onKeyDown: (event: KeyboardEvent<HTMLElement>) => void;
};

type Options = {
  count: number;
  rowHeight: number;
  isVirtual: boolean;
  /** What scrolls. */
  frame: RefObject<HTMLElement | null>;
  onEndReached: (() => void) | undefined;
};

/** Rows left at the end when the next page is asked for. */
const END_MARGIN = 20;

/** Decides which rows of a table exist in the page, and moves focus between rows by keyboard. */
export function useRowWindow({ count, rowHeight, isVirtual, frame, onEndReached }: Options): RowWindow {
  const virtualizer = useVirtualizer({
    count: isVirtual ? count : 0,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();
  const first = items[0];
  const last = items.at(-1);

  const endReached = useEffectEvent(() => onEndReached?.());
  const lastShown = isVirtual ? (last?.index ?? 0) : count - 1;
  useEffect(() => {
    if (count > 0 && lastShown >= count - 1 - (isVirtual ? END_MARGIN : 0)) endReached();
  }, [count, lastShown, isVirtual]);

  const focusRow = (index: number) => {
    const row = () => frame.current?.querySelector<HTMLElement>(`tr[data-index="${index}"] [data-row-focus]`);
    if (isVirtual) virtualizer.scrollToIndex(index);
    const present = row();
    if (present) present.focus();
    // The row exists only after the window has moved there.
    else requestAnimationFrame(() => requestAnimationFrame(() => row()?.focus()));
  };

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const row = event.target instanceof Element ? event.target.closest<HTMLElement>("tr[data-index]") : null;
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const index = Number(row.dataset.index);
    const targets: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      Home: 0,
      End: count - 1,
    };
    const target = targets[event.key];
    if (target === undefined || target < 0 || target >= count) return;
    event.preventDefault();
    focusRow(target);
  };

  if (!isVirtual)
    return { indexes: Array.from({ length: count }, (_, index) => index), before: 0, after: 0, onKeyDown };
  return {
    indexes: items.map((item) => item.index),
    before: first?.start ?? 0,
    after: last ? virtualizer.getTotalSize() - last.end : 0,
    onKeyDown,
  };
}
