"use client";
import { memo, useMemo, useState } from "react";
import { AccuracyChart } from "@/components/charts/accuracy-chart";
import { ParetoChart } from "@/components/charts/pareto-chart";
import { SizeChart } from "@/components/charts/size-chart";
import { figureOf } from "@/components/ui/figure";
import { capital, count, decimal, plural } from "@/components/ui/format";
import { Segmented } from "@/components/ui/segmented";
import { inWords, type Settings, unitsInWords } from "@/server/studio/contract";
import type { Measured, Measurement, StudioBaseline } from "@/server/studio/session-contract";
import { frontOf } from "./front";
import {
  comparable,
  type Dial,
  type Evidence,
  leastOf,
  MERGES_BEFORE_A_CURVE,
  type Prediction,
  predictedCurve,
} from "./predict";
import { isOnCurveOf, MAX_SPARSITY, standsAt, turned } from "./settings";

interface Props {
  /** With everything measured in this studio, what is being measured now included. */
  evidence: Evidence;
  settings: Settings;
  prediction: Prediction;
  isMeasured: boolean;
  dial: Dial;
  from: string;
  onRestore: (settings: Settings) => void;
}

const CURVE_POINTS = 48;
const xLabel = (dial: Dial, baseline: StudioBaseline): string =>
  ({
    channels: `${capital(unitsInWords(baseline.units))} removed, %`,
    sparsity: "Sparsity, % of weights",
    merge: "Weight of the partner, %",
  })[dial];
const NAME: Record<Dial, string> = { channels: "channels", sparsity: "sparsity", merge: "merge weight" };
const SYNC = "studio";

export const StudioCharts = memo(function StudioCharts(props: Props) {
  const { evidence, settings, prediction, isMeasured, dial, from, onRestore } = props;
  const { baseline, measurements } = evidence;
  const figure = figureOf(baseline.task);
  const { scale } = figure;
  const end = { sparsity: MAX_SPARSITY, channels: baseline.channelStops.at(-1) ?? 0.9, merge: 1 }[dial];
  const xs = useMemo(
    () => Array.from({ length: CURVE_POINTS + 1 }, (_, i) => (end * i) / CURVE_POINTS),
    [end],
  );
  const byId = useMemo(() => new Map(measurements.map((m) => [m.id, m])), [measurements]);
  const restore = (id: string) => {
    const found = byId.get(id);
    if (found) onRestore(found.settings);
  };
  const measured = measuredLike(measurements, settings, dial).map(({ id, settings: s, measured: m }) => ({
    id,
    x: standsAt(s, dial) * 100,
    y: comparable(baseline, m) * scale,
    half: m.accuracy.paired.halfWidth * scale,
    n: m.accuracy.n,
    label: inWords(s, baseline.units),
  }));
  const predicted = predictedCurve(evidence, settings, dial, "accuracy", xs).map(({ x, y }) => ({
    x: x * 100,
    y: y === null ? null : Math.max(leastOf(baseline), Math.min(1, y)) * scale,
  }));
  const x = standsAt(settings, dial) * 100;
  const others = inWords(
    dial === "merge" ? { ...settings, merge: null } : turned(settings, dial, 0),
    baseline.units,
  );
  const asides = [
    others !== "no change" && `with ${others}`,
    settings.merge !== null &&
      measured.length < MERGES_BEFORE_A_CURVE &&
      "nothing is predicted of a merge until two like it are measured",
  ].filter((aside) => aside !== false);

  return (
    <>
      <AccuracyChart
        title={`${figure.name} against ${NAME[dial]}`}
        yLabel={figure.axis}
        yMost={scale}
        write={(y, digits) => figure.value(y / scale, digits)}
        writeHalf={(half) => figure.half(half / scale, 1)}
        subtitle={asides.join("; ") || undefined}
        measured={measured}
        predicted={predicted}
        baseline={{ label: from, value: baseline.accuracy * scale }}
        xLabel={xLabel(dial, baseline)}
        xDomain={[0, Math.ceil(end * 10) * 10]}
        ySpan={scale / 100}
        syncKey={SYNC}
        onPoint={(point) => restore(point.id)}
        {...(!isMeasured &&
          prediction.accuracy !== null && {
            current: {
              x,
              y: prediction.accuracy * scale,
              label: `${decimal(x, 0)}%: ${figure.value(prediction.accuracy, 1)} predicted`,
            },
          })}
      />
      <div className="g g2 studio-charts">
        <AgainstChart {...props} xs={xs} end={end} />
        <FrontChart {...props} onPoint={restore} />
      </div>
    </>
  );
});

/** What was measured with the other dials as they stand now, in the order of this one. */
function measuredLike(measurements: readonly Measurement[], settings: Settings, dial: Dial): Measurement[] {
  return measurements
    .filter((m) => isOnCurveOf(m.settings, settings, dial))
    .sort((a, b) => standsAt(a.settings, dial) - standsAt(b.settings, dial));
}

type Quantity = "size" | "latency" | "macs";

/** Sizes, latency or MACs against the dial under the hand. */
function AgainstChart({ evidence, settings, dial, xs, end }: Props & { xs: number[]; end: number }) {
  const [quantity, setQuantity] = useState<Quantity>("size");
  const { baseline, measurements } = evidence;
  const like = measuredLike(measurements, settings, dial);
  const curve = (figure: "file" | "sparse" | "packed" | "zstd19" | "macs", unit: number) =>
    predictedCurve(evidence, settings, dial, figure, xs).map(({ x, y }) => ({
      x: x * 100,
      y: y === null ? null : y / unit,
    }));
  const isPredicted = true;
  const series = {
    size: [
      { key: "file", label: "file", points: curve("file", 1000), isPredicted },
      { key: "packed", label: "packed", points: curve("packed", 1000), isPredicted },
      { key: "sparse", label: "sparse", points: curve("sparse", 1000), isPredicted },
      { key: "zstd19", label: "zstd-19", points: curve("zstd19", 1000), isPredicted },
    ],
    latency: baseline.latency.map(({ batch }) => ({
      key: String(batch),
      label: `batch ${batch}`,
      points: like.flatMap((m) => {
        const found = m.measured.latency?.latency.find((l) => l.batch === batch);
        return found ? [{ x: standsAt(m.settings, dial) * 100, y: found.p50Ms }] : [];
      }),
    })),
    macs: [{ key: "macs", label: "MACs", points: curve("macs", 1e6), isPredicted }],
  }[quantity];
  const yLabel = { size: "Size, kB", latency: "Latency p50, ms", macs: "MACs, M" }[quantity];
  return (
    <SizeChart
      title={`By ${NAME[dial]}`}
      tools={
        <Segmented
          label="Quantity"
          value={quantity}
          onValueChange={setQuantity}
          options={[
            { value: "size", label: "size" },
            { value: "latency", label: "latency" },
            { value: "macs", label: "MACs" },
          ]}
        />
      }
      series={series}
      xLabel={xLabel(dial, baseline)}
      xDomain={[0, Math.ceil(end * 10) * 10]}
      yLabel={yLabel}
      current={standsAt(settings, dial) * 100}
      syncKey={SYNC}
    />
  );
}

/** What a setting costs: bytes as they travel, or milliseconds of a full batch, which vary less than those of one. */
type Cost = "size" | "latency";
const BATCH = 64;
const COSTS: Record<Cost, { axis: string; missing: string }> = {
  size: { axis: "zstd-19 bytes, kB", missing: "not compressed yet" },
  latency: { axis: `Latency p50 at batch ${BATCH}, ms`, missing: "not timed yet" },
};

/** A setting's cost in the unit of its axis; null while it is not measured. */
function costOf(cost: Cost, { sizes, latency }: Measured): number | null {
  if (cost === "latency") return latency?.latency.find(({ batch }) => batch === BATCH)?.p50Ms ?? null;
  const zstd = sizes?.sizes.zstd19 ?? null;
  return zstd === null ? null : zstd / 1000;
}

function FrontChart({
  evidence: { baseline, measurements },
  prediction,
  isMeasured,
  onPoint,
}: Props & { onPoint: (id: string) => void }) {
  const [cost, setCost] = useState<Cost>("size");
  const { axis, missing } = COSTS[cost];
  const figure = figureOf(baseline.task);
  const candidates = measurements.flatMap(({ id, settings, measured }) => {
    const x = costOf(cost, measured);
    const label = inWords(settings, baseline.units);
    return x === null ? [] : [{ id, cost: x, accuracy: comparable(baseline, measured), label }];
  });
  const waiting = measurements.length - candidates.length;
  const front = frontOf(candidates);
  const { zstd19 } = prediction.sizes;
  const predicted = cost === "size" ? zstd19 && zstd19 / 1000 : (prediction.latency.get(BATCH) ?? null);
  return (
    <ParetoChart
      title="Everything measured"
      subtitle={`${plural(candidates.length, "setting")}${waiting > 0 ? `, ${count(waiting)} ${missing}` : ""}`}
      tools={
        <Segmented
          label="Cost"
          value={cost}
          onValueChange={setCost}
          options={(["size", "latency"] as const).map((value) => ({ value, label: value }))}
        />
      }
      points={candidates.map((c) => ({
        id: c.id,
        x: c.cost,
        y: c.accuracy * figure.scale,
        isOnFront: front.has(c.id),
        label: c.label,
      }))}
      xLabel={axis}
      yLabel={figure.axis}
      ySpan={figure.scale / 100}
      empty="Each setting you measure becomes a point here; a press on one brings its dials back."
      onPoint={onPoint}
      {...(!isMeasured &&
        predicted !== null &&
        prediction.accuracy !== null && {
          current: { x: predicted, y: prediction.accuracy * figure.scale, label: "predicted" },
        })}
    />
  );
}
