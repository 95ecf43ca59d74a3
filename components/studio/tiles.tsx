"use client";
import { cx } from "@/components/ui/cx";
import { besideInWords, figureOf } from "@/components/ui/figure";
import { change, compact, count, bytes as inBytes, ms } from "@/components/ui/format";
import { Bar } from "@/components/ui/progress";
import type { Sizes } from "@/server/models/contract";
import type { Measured, StudioBaseline } from "@/server/studio/session-contract";
import { interval } from "./interval";
import type { Prediction } from "./predict";

interface Props {
  baseline: StudioBaseline;
  /** Name of the version: "v4". */
  from: string;
  prediction: Prediction;
  /** Of exactly the settings of the dials; what is missing is shown as predicted. */
  measured: Partial<Measured>;
  /** What is going on, or why nothing is: "measuring, 1,000 of 10,000". */
  status: string;
  warnings: readonly string[];
}

/** The figure of the task, four sizes and latency: solid where measured, dashed where predicted, never blurred. */
export function StudioTiles(props: Props) {
  return (
    <section className="panel studio-tiles" aria-label="Figures of this setting">
      <AccuracyTile {...props} />
      <SizeTile {...props} />
      <LatencyTile {...props} />
      {/* Always there: a line that comes and goes would move what is under the hand. */}
      <p className={props.warnings.length > 0 ? "studio-warnings" : "studio-warnings t2"} role="status">
        {props.warnings.join(" ") ||
          `Latency is taken in ONNX Runtime on the session's node, round by round in turn with ${props.from}.`}
      </p>
    </section>
  );
}

const kind = (isMeasured: boolean) =>
  isMeasured ? <span className="kind">measured</span> : <span className="kind pred">predicted</span>;

function AccuracyTile({ baseline, from, prediction, measured: { accuracy }, status }: Props) {
  const figure = figureOf(baseline.task);
  const value = accuracy?.accuracy ?? prediction.accuracy;
  const difference = accuracy?.paired.difference ?? (value === null ? null : value - baseline.accuracy);
  return (
    <div className="tile" data-testid="tile-accuracy">
      <div className="lab">
        <span>{figure.name}</span>
        {value !== null && kind(accuracy !== undefined)}
      </div>
      <div className={cx("v", value === null && "mid")}>
        {value === null ? (
          <span className="t3">not predicted</span>
        ) : (
          <span className={accuracy ? "measured" : "predicted"}>{figure.value(value, accuracy ? 2 : 1)}</span>
        )}
      </div>
      <div className="studio-difference">
        {difference === null ? "a merge is measured first" : figure.difference(difference, accuracy ? 2 : 1)}
        {accuracy && interval(accuracy.paired.halfWidth, baseline.task)}
      </div>
      <div className="sub">
        {accuracy ? `n = ${count(accuracy.n)} of ${count(accuracy.total)}` : "no sample measured yet"}
        <br />
        {from}: {figure.value(accuracy?.baselineAccuracy ?? baseline.accuracy)}
        {!accuracy && ` ${figure.half(baseline.halfWidth)}, n = ${count(baseline.n)}`}
        {(accuracy?.figures ?? baseline.figures).map((beside) => (
          <span key={beside.name}>
            <br />
            {besideInWords(beside, from)}
          </span>
        ))}
        <br />
        <span className="t2">{status}</span>
      </div>
    </div>
  );
}

const SIZES: readonly [keyof Sizes, string][] = [
  ["file", "file"],
  ["zstd19", "zstd-19"],
  ["sparse", "sparse"],
  ["packed", "packed"],
];

function SizeTile({ baseline, from, prediction, measured }: Props) {
  const known = measured.sizes?.sizes ?? measured.built?.sizes;
  return (
    <div className="tile" data-testid="tile-size">
      <div className="lab">
        <span>Size</span>
        <span className="t3">against {from}</span>
      </div>
      <table className="tight studio-sizes">
        <tbody>
          {SIZES.map(([key, label]) => {
            const solid = known?.[key] ?? null;
            const value = solid ?? prediction.sizes[key];
            const base = baseline.sizes[key];
            const share = value === null || !base ? null : value / base;
            return (
              <tr key={key}>
                <td>{label}</td>
                <td className="studio-size-bar">
                  {share !== null && (
                    <Bar
                      value={share}
                      label={`${label}: share of ${from}`}
                      tone={share > 1 ? "warn" : "accent"}
                    />
                  )}
                </td>
                <td className="num">
                  <span className={solid === null ? "predicted thin" : "m"}>{inBytes(value)}</span>
                </td>
                <td className="num t2">{share === null ? "" : change(share - 1)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function LatencyTile({ baseline, from, prediction, measured }: Props) {
  const macs = measured.built?.macs ?? prediction.macs;
  const taken = measured.latency?.latency;
  return (
    <div className="tile" data-testid="tile-latency">
      <div className="lab">
        <span>Latency p50</span>
        {kind(taken !== undefined)}
      </div>
      <table className="tight studio-sizes">
        <tbody>
          {baseline.latency.map(({ batch, p50Ms: base }) => {
            const found = taken?.find((l) => l.batch === batch);
            const value = found?.p50Ms ?? prediction.latency.get(batch) ?? null;
            const ratio = found?.ratio ?? (value === null ? null : value / base);
            return (
              <tr key={batch}>
                <td>batch {batch}</td>
                <td className="num">
                  {value === null ? (
                    <span className="t3">not measured yet</span>
                  ) : (
                    <b className={found ? "latency-value" : "latency-value predicted"}>{ms(value)}</b>
                  )}
                </td>
                <td
                  className="num t2"
                  title={
                    found?.ratioLow != null && found.ratioHigh != null
                      ? `${change(found.ratioLow - 1)} to ${change(found.ratioHigh - 1)} over ${found.rounds} interleaved rounds`
                      : undefined
                  }
                >
                  {ratio !== null && change(ratio - 1)}
                </td>
                <td className="num t3 latency-base">
                  {from}: {ms(base)}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <div className="sub">
        <span className={measured.built ? "" : "predicted thin"}>{compact(macs)}</span> MACs
        {macs === baseline.macs
          ? ", unchanged: fewer channels would be faster"
          : `, ${change(macs / baseline.macs - 1)}`}
      </div>
    </div>
  );
}
