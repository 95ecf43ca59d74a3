"use client";
import type { KeyboardEvent, PointerEvent } from "react";
import { percent } from "@/components/ui/format";
import { MAX_SPARSITY } from "./settings";

interface Props {
  name: string;
  /** Share of the channels that are left. */
  width: number;
  /** Share of their weights that is zero. */
  ratio: number;
  /** Why it cannot be moved. */
  reason: string | undefined;
  onRatio: (ratio: number) => void;
}

const STEP = 0.01;
const PAGE = 0.1;
const KEYS: Record<string, number> = {
  ArrowLeft: STEP,
  ArrowDown: STEP,
  PageDown: PAGE,
  ArrowRight: -STEP,
  ArrowUp: -STEP,
  PageUp: -PAGE,
};

/** What is kept of a layer; its edge can be dragged, or moved with the arrows. */
export function LayerBar({ name, width, ratio, reason, onRatio }: Props) {
  const set = (next: number) => onRatio(Math.round(Math.min(MAX_SPARSITY, Math.max(0, next)) * 100) / 100);
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    if (reason !== undefined || event.buttons === 0) return;
    const box = event.currentTarget.getBoundingClientRect();
    set(1 - (event.clientX - box.left) / (box.width * width || 1));
  };
  const press = (event: KeyboardEvent) => {
    const by = KEYS[event.key];
    if (by === undefined || reason !== undefined) return;
    event.preventDefault();
    set(ratio + by);
  };
  return (
    <div
      className="layer-bar"
      role="slider"
      tabIndex={0}
      title={reason}
      aria-label={`Zeros of ${name}`}
      aria-valuemin={0}
      aria-valuemax={MAX_SPARSITY * 100}
      aria-valuenow={Math.round(ratio * 100)}
      aria-valuetext={`${percent(ratio, 0)} of the weights, ${percent(width, 0)} of the channels left`}
      aria-disabled={reason !== undefined}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        drag(event);
      }}
      onPointerMove={drag}
      onKeyDown={press}
    >
      <i className="zeros" style={{ width: `${width * 100}%` }} />
      <i style={{ width: `${width * (1 - ratio) * 100}%` }} />
    </div>
  );
}
