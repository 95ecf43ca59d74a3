"use client";
import { Button } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { capital, percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { Slider } from "@/components/ui/slider";
import {
  Allocation,
  Calibration,
  type MergePartner,
  PRECISIONS,
  type Settings,
  unitsInWords,
} from "@/server/studio/contract";
import type { Measurement, StudioBaseline } from "@/server/studio/session-contract";
import { MergeDial } from "./merge-dial";
import type { Dial } from "./predict";
import {
  CALIBRATED_ON,
  isOnCurveOf,
  isUnchanged,
  MAX_SPARSITY,
  NOTHING_CHANGED,
  reasonOf,
  SPARSITY_STEP,
  standsAt,
  turned,
} from "./settings";

interface Props {
  settings: Settings;
  onSettings: (next: Settings) => void;
  /** When a dial is let go. */
  onRelease: () => void;
  active: Dial;
  onActive: (dial: Dial) => void;
  baseline: StudioBaseline;
  measurements: readonly Measurement[];
  /** What can be merged with this version, and why the rest can't; undefined while it is not known. */
  partners: readonly MergePartner[] | undefined;
  from: string;
}

/** What removing means. */
const HINTS = {
  channels: "Whole channels are removed with everything that depends on them, rounded to 16 for speed.",
  heads:
    "Whole attention heads are removed, at least one stays in each block; channels and neurons are rounded to 16 for speed.",
} as const;

/** Which weights become zero. */
const ALLOCATIONS: Record<Settings["allocation"], string> = {
  magnitude: "The smallest weights of the whole network become zero.",
  uniform: "The smallest weights of each layer become zero, the same share in every one.",
  sensitivity: "Each layer gives up what a scan says it can spare.",
};

/** What is lowered, and what it costs. */
const LOWERED: Record<Settings["precision"], string> = {
  fp32: "Weights and activations as they are.",
  fp16: "Weights in 16 bits. They are computed in fp32, so it is as fast as before.",
  int8: "Weights and activations in 8 bits, ranges from calibration.",
  int8_dynamic:
    "8 bits, with new ranges for each batch. Fast where MatMul dominates, slower on convolutions.",
  int4: "MatMul weights in 4 bits. The smallest file, but slower.",
};

/** The bits of each precision; 8 bits come in two ways. */
const BITS = { fp32: "fp32", fp16: "fp16", int8: "int8", int8_dynamic: "int8", int4: "int4" } as const;

/** How ranges come out of the calibration samples. */
const RANGES: Record<Settings["calibration"], string> = {
  minmax: "From the smallest to the largest value seen.",
  entropy: "Cut where 8 bits lose the least of how values are spread.",
  percentile: "Without the outermost 0.01% of the values.",
};

/** The dials. Each shows where it may land and which of its settings are measured. */
export function Dials(props: Props) {
  const { settings, onSettings, onRelease, active, onActive, baseline, measurements, from } = props;
  const stops = baseline.channelStops;
  const measuredOn = (dial: Dial) => [
    ...new Set(
      measurements
        .filter((m) => isOnCurveOf(m.settings, settings, dial))
        .map((m) => standsAt(m.settings, dial)),
    ),
  ];
  const turn = (dial: Dial) => (value: number) => {
    onActive(dial);
    onSettings(turned(settings, dial, value));
  };
  const sparsityReason = reasonOf(baseline, "sparsity");
  const recoveryReason = sparsityReason ?? reasonOf(baseline, "recovery");
  return (
    <Panel
      title="Dials"
      className="dials"
      tools={
        <Button
          size="sm"
          variant="ghost"
          reason={isUnchanged(settings) ? "The dials stand at their start." : undefined}
          reasonAt="hidden"
          onClick={() => onSettings(NOTHING_CHANGED)}
        >
          Reset to {from}
        </Button>
      }
    >
      <div className={cx("dial-block", active === "sparsity" && "active")}>
        <Slider
          label="Sparsity"
          aside={<b className="dial-value">{percent(settings.sparsity, 0)}</b>}
          value={settings.sparsity}
          min={0}
          max={MAX_SPARSITY}
          step={SPARSITY_STEP}
          marks={[
            { value: 0, label: "0" },
            { value: 0.3, label: "30" },
            { value: 0.6, label: "60" },
            { value: 0.95, label: "95%" },
          ]}
          measured={measuredOn("sparsity")}
          reason={sparsityReason}
          hint={`${ALLOCATIONS[settings.allocation]} Dots are measured settings; measuring starts when you let go or pause.`}
          format={(value) => percent(value, 0)}
          onValueChange={(value) => turn("sparsity")(Math.round(value * 100) / 100)}
          onRelease={onRelease}
        />
        <Segmented
          label="Allocation of the sparsity"
          wide
          value={settings.allocation}
          onValueChange={(allocation) => {
            onActive("sparsity");
            onSettings({ ...settings, allocation });
          }}
          options={Allocation.options.map((value) => ({
            value,
            label: value,
            ...(sparsityReason && { reason: sparsityReason }),
          }))}
        />
        <PatternDial settings={settings} onSettings={onSettings} baseline={baseline} />
      </div>
      <div className={cx("dial-block", active === "channels" && "active")}>
        <Slider
          label={capital(unitsInWords(baseline.units))}
          aside={<b className="dial-value">{percent(settings.channels, 0)}</b>}
          value={settings.channels}
          min={stops[0] ?? 0}
          max={stops.at(-1) || 1}
          steps={stops.length > 1 ? stops : undefined}
          marks={channelMarks(stops)}
          measured={measuredOn("channels")}
          reason={
            reasonOf(baseline, "channels") ??
            (stops.length < 2 ? "This version has no channels, heads or neurons to remove." : undefined)
          }
          hint={HINTS[baseline.units.includes("heads") ? "heads" : "channels"]}
          format={(value) => percent(value, 0)}
          onValueChange={turn("channels")}
          onRelease={onRelease}
        />
      </div>
      <div className="dial-block">
        <span className="lab">Recovery</span>
        <Segmented
          label="Recovery in epochs"
          wide
          value={String(settings.recovery)}
          onValueChange={(epochs) => onSettings({ ...settings, recovery: Number(epochs) })}
          options={recoveries(settings.recovery).map((epochs) => ({
            value: String(epochs),
            label: epochs === 0 ? "none" : String(epochs),
            ...(recoveryReason && { reason: recoveryReason }),
          }))}
        />
        <div className="help">
          {settings.recovery === 0
            ? (recoveryReason ?? "Epochs in which what is left learns the answers again, zeros kept.")
            : `Each setting learns the answers of ${from} again, with time left shown. Predictions are from before it.`}
        </div>
      </div>
      <PrecisionDial settings={settings} onSettings={onSettings} baseline={baseline} />
      <MergeDial
        {...props}
        task={baseline.task}
        reason={reasonOf(baseline, "merge")}
        measured={measuredOn("merge")}
      />
    </Panel>
  );
}

/** Epochs to choose from, and the one of an address that names another. */
const recoveries = (chosen: number): number[] =>
  [...new Set([0, 0.25, 0.5, 1, chosen])].sort((a, b) => a - b);

type ChoiceProps = Pick<Props, "settings" | "onSettings" | "baseline">;

/** 2:4 zeros, beside the sparsity that they count towards. */
function PatternDial({ settings, onSettings, baseline }: ChoiceProps) {
  const reason = reasonOf(baseline, "pattern");
  const unfit = baseline.patternUnfit;
  return (
    <>
      <Segmented
        label="Pattern of the zeros"
        wide
        value={settings.pattern}
        onValueChange={(pattern) => onSettings({ ...settings, pattern })}
        options={[
          { value: "none", label: "anywhere" },
          { value: "2:4", label: "2:4", ...(reason && { reason }) },
        ]}
      />
      {(reason || settings.pattern !== "none") && (
        <div className="help">
          {reason ??
            `Two of every four inputs are zero, so sparsity has an effect above ${percent(PATTERN_SHARE, 0)} only; a layer locked below that goes without.`}
          {!reason && unfit.length > 0 && ` Their inputs do not fit: ${named(unfit)}.`}
        </div>
      )}
    </>
  );
}

function PrecisionDial({ settings, onSettings, baseline }: ChoiceProps) {
  const { precision, calibration, calibrationSamples } = settings;
  const none = baseline.unavailable.find((item) => item.dial === "precision" && item.option === null);
  const some = baseline.unavailable.filter((item) => item.dial === "precision" && item.option !== null);
  return (
    <div className="dial-block">
      <div className="field-head">
        <span className="lab">Precision</span>
        {precision === "int8" && <span className="lab t3">{calibrationSamples} calibration samples</span>}
      </div>
      <Segmented
        label="Precision"
        wide
        value={BITS[precision]}
        onValueChange={(next) => onSettings({ ...settings, precision: next })}
        options={(["fp32", "fp16", "int8", "int4"] as const).map((value) => {
          const reason = value === "fp32" ? undefined : reasonOf(baseline, "precision", value);
          return { value, label: value, ...(reason && { reason }) };
        })}
      />
      {BITS[precision] === "int8" && (
        <Segmented
          label="Ranges of the activations"
          wide
          value={precision === "int8_dynamic" ? "int8_dynamic" : "int8"}
          onValueChange={(next) => onSettings({ ...settings, precision: next })}
          options={(["int8", "int8_dynamic"] as const).map((value) => {
            const reason = reasonOf(baseline, "precision", value);
            return { value, label: PRECISIONS[value], ...(reason && { reason }) };
          })}
        />
      )}
      <div className="help">
        {[none?.reason ?? LOWERED[precision], ...some.map((item) => item.reason)].join(" ")}
      </div>
      {precision === "int8" && (
        <>
          <Segmented
            label="Calibration"
            wide
            value={calibration}
            onValueChange={(next) => onSettings({ ...settings, calibration: next })}
            options={Calibration.options.map((value) => ({ value, label: value }))}
          />
          <Segmented
            label="Calibration samples"
            wide
            value={String(calibrationSamples)}
            onValueChange={(next) => onSettings({ ...settings, calibrationSamples: Number(next) })}
            options={CALIBRATED_ON.map((samples) => ({ value: String(samples), label: String(samples) }))}
          />
          <div className="help">{RANGES[calibration]}</div>
        </>
      )}
    </div>
  );
}

/** The share that 2:4 zeroes. */
const PATTERN_SHARE = 0.5;

/** The first names, and how many more: "stem, head and 2 more". */
const named = (names: readonly string[]): string =>
  names.length > 2 ? `${names.slice(0, 2).join(", ")} and ${names.length - 2} more` : names.join(" and ");

/** Labels that do not run into each other: the ends, and what lies far enough between them. */
function channelMarks(stops: readonly number[]) {
  const [first, last] = [stops[0] ?? 0, stops.at(-1) ?? 0];
  const span = last - first || 1;
  let before = Number.NEGATIVE_INFINITY;
  return stops
    .filter((stop) => {
      const isEnd = stop === first || stop === last;
      const fits = stop - before >= span * 0.2 && last - stop >= span * 0.2;
      if (!isEnd && !fits) return false;
      before = stop;
      return true;
    })
    .map((value) => ({ value, label: value === last ? percent(value, 0) : String(Math.round(value * 100)) }));
}
