"use client";
import { Button } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { Slider } from "@/components/ui/slider";
import { Allocation, type Measurement, type Settings, type StudioBaseline } from "@/server/studio/contract";
import type { Dial } from "./predict";
import { isOnCurveOf, isUnchanged, MAX_SPARSITY, NOTHING_CHANGED, SPARSITY_STEP } from "./settings";

interface Props {
  settings: Settings;
  onSettings: (next: Settings) => void;
  active: Dial;
  onActive: (dial: Dial) => void;
  baseline: StudioBaseline;
  measurements: readonly Measurement[];
  from: string;
}

/** Which weights become zero. */
const ALLOCATIONS: Record<Settings["allocation"], string> = {
  magnitude: "The smallest weights of the whole network become zero.",
  uniform: "The smallest weights of each layer become zero, the same share in every one.",
  sensitivity: "Each layer gives up what a scan says it can spare.",
};

/** The dials. Each shows where it may land and which of its settings are measured. */
export function Dials({ settings, onSettings, active, onActive, baseline, measurements, from }: Props) {
  const reasonOf = (dial: "channels" | "sparsity" | "precision") =>
    baseline.unavailable.find((item) => item.dial === dial)?.reason;
  const stops = baseline.channelStops;
  const measuredOn = (dial: Dial) => [
    ...new Set(
      measurements.filter((m) => isOnCurveOf(m.settings, settings, dial)).map((m) => m.settings[dial]),
    ),
  ];
  const turn = (dial: Dial) => (value: number) => {
    onActive(dial);
    onSettings({ ...settings, [dial]: value });
  };
  const int8Reason = reasonOf("precision");
  const sparsityReason = reasonOf("sparsity");
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
          hint={`${ALLOCATIONS[settings.allocation]} Dots are measured settings; measuring starts 120 ms after you pause.`}
          format={(value) => percent(value, 0)}
          onValueChange={(value) => turn("sparsity")(Math.round(value * 100) / 100)}
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
      </div>
      <div className={cx("dial-block", active === "channels" && "active")}>
        <Slider
          label="Channels"
          aside={<b className="dial-value">{percent(settings.channels, 0)}</b>}
          value={settings.channels}
          min={stops[0] ?? 0}
          max={stops.at(-1) || 1}
          steps={stops.length > 1 ? stops : undefined}
          marks={channelMarks(stops)}
          measured={measuredOn("channels")}
          reason={
            reasonOf("channels") ?? (stops.length < 2 ? "This version has no channels to remove." : undefined)
          }
          hint="Whole channels are removed with everything that depends on them, rounded to 16 for speed."
          format={(value) => percent(value, 0)}
          onValueChange={turn("channels")}
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
            ...(sparsityReason && { reason: sparsityReason }),
          }))}
        />
        <div className="help">
          {settings.recovery === 0
            ? "Epochs in which what is left learns the answers again, zeros kept."
            : `Each setting learns the answers of ${from} again, with time left shown. Predictions are from before it.`}
        </div>
      </div>
      <div className="dial-block">
        <div className="field-head">
          <span className="lab">Precision</span>
          <span className="lab t3">512 calibration samples</span>
        </div>
        <Segmented
          label="Precision"
          wide
          value={settings.precision}
          onValueChange={(precision) => onSettings({ ...settings, precision })}
          options={[
            { value: "fp32", label: "fp32" },
            { value: "int8", label: "int8 static", ...(int8Reason && { reason: int8Reason }) },
          ]}
        />
        <div className="help">
          {int8Reason ?? "Weights and activations in 8 bits, ranges from calibration."}
        </div>
      </div>
    </Panel>
  );
}

/** Epochs to choose from, and the one of an address that names another. */
const recoveries = (chosen: number): number[] =>
  [...new Set([0, 0.25, 0.5, 1, chosen])].sort((a, b) => a - b);

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
