"use client";

import { Slider as Base } from "@base-ui/react/slider";
import { type CSSProperties, type ReactNode, useId } from "react";
import { cx } from "./cx";
import { nearestStep, nextStep } from "./snap";

export type Mark = { value: number; label: string };

type SliderProps = {
  label: string;
  /** At the right end of the label's line, such as the value in large figures. */
  aside?: ReactNode;
  value: number;
  min: number;
  max: number;
  /** The finest movement; ignored where `steps` says where it lands. */
  step?: number | undefined;
  /** The only values it may take, ascending; drawn as ticks (channels in multiples of 16). */
  steps?: readonly number[] | undefined;
  marks?: readonly Mark[] | undefined;
  /** Settings with a measurement, drawn as dots. */
  measured?: readonly number[] | undefined;
  /** Where the target lies, drawn as a line. */
  target?: number | undefined;
  /** Why it cannot be moved. */
  reason?: string | undefined;
  /** Below the track. */
  hint?: ReactNode;
  /** The value in words, for screen readers: "54%". */
  format: (value: number) => string;
  /** While it moves: predict with this. */
  onValueChange: (value: number) => void;
  /** When a pointer lets go of it: measure with this. Keys have no such end. */
  onRelease?: (() => void) | undefined;
};

/** A dial of the studio: it shows where it may land, what is measured, and answers at once while it is dragged. */
export function Slider(props: SliderProps) {
  const { label, aside, value, min, max, step = (max - min) / 100, steps, reason, hint, format } = props;
  const hintId = useId();
  const position = (at: number): CSSProperties => ({ left: `${((at - min) / (max - min)) * 100}%` });

  const settle = (raw: number, byKey: boolean): number => {
    if (!steps) return raw;
    const isEnd = raw === min || raw === max;
    return byKey && !isEnd ? nextStep(steps, value, Math.sign(raw - value)) : nearestStep(steps, raw);
  };

  return (
    <Base.Root
      className={cx("dial", reason && "off")}
      value={value}
      min={min}
      max={max}
      step={steps ? (max - min) / 1000 : step}
      largeStep={step * 10}
      disabled={reason !== undefined}
      onValueChange={(raw: number, details) => {
        const next = settle(raw, details.reason === "keyboard");
        if (next !== value) props.onValueChange(next);
      }}
      onValueCommitted={(_, { reason }) => reason !== "keyboard" && props.onRelease?.()}
    >
      <div className="field-head">
        <Base.Label className="lab">{label}</Base.Label>
        {aside}
      </div>
      <Base.Control className="slider">
        <Base.Track className="track">
          <Base.Indicator className="fill" />
          {steps?.map((at) => (
            <i key={at} className="tick" style={position(at)} />
          ))}
          {props.measured?.map((at) => (
            <i key={at} className="pt" style={position(at)} />
          ))}
          {props.target !== undefined && <i className="tgt" style={position(props.target)} />}
          <Base.Thumb
            className="thumb"
            aria-describedby={reason || hint ? hintId : undefined}
            getAriaValueText={(_, raw) => format(raw)}
          />
        </Base.Track>
        {props.marks?.map((mark) => (
          <span
            key={mark.value}
            className={cx("tl", edgeClass(mark.value, min, max))}
            style={position(mark.value)}
          >
            {mark.label}
          </span>
        ))}
      </Base.Control>
      {(reason || hint) && (
        <div id={hintId} className="help">
          {reason ?? hint}
        </div>
      )}
    </Base.Root>
  );
}

/** The outermost labels end with the track instead of reaching over it. */
function edgeClass(value: number, min: number, max: number): string | undefined {
  if (value === min) return "start";
  return value === max ? "end" : undefined;
}

type RangeProps = {
  label: string;
  value: readonly [number, number];
  min: number;
  max: number;
  step?: number | undefined;
  /** Values drawn from the range, shown as strokes: the trials of a sweep. */
  strokes?: readonly number[] | undefined;
  format: (value: number) => string;
  onValueChange: (value: readonly [number, number]) => void;
};

/** Two thumbs on one track: the values a sweep may take. */
export function Range({
  label,
  value,
  min,
  max,
  step = (max - min) / 100,
  strokes = [],
  format,
  onValueChange,
}: RangeProps) {
  return (
    <Base.Root
      className="dial range"
      value={value}
      min={min}
      max={max}
      step={step}
      onValueChange={([from, to]: readonly number[]) => {
        if (from !== undefined && to !== undefined) onValueChange([from, to]);
      }}
    >
      <Base.Label className="lab">{label}</Base.Label>
      <Base.Control className="slider">
        <Base.Track className="track">
          <Base.Indicator className="fill" />
          {strokes.map((at) => (
            <i key={at} className="sm" style={{ left: `${((at - min) / (max - min)) * 100}%` }} />
          ))}
          {(["from", "to"] as const).map((end, index) => (
            <Base.Thumb
              key={end}
              index={index}
              className="thumb"
              aria-label={`${label}, ${end}`}
              getAriaValueText={(_, raw) => format(raw)}
            />
          ))}
        </Base.Track>
      </Base.Control>
    </Base.Root>
  );
}
