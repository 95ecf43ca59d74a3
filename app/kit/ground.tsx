import { Age } from "@/components/ui/age";
import { KeyHint } from "@/components/ui/key-hint";
import { Metric } from "@/components/ui/metric";
import type { State } from "@/components/ui/shape";
import { StatusBadge, StatusDot } from "@/components/ui/status";
import { Section } from "./section";

const SURFACES = ["surface-0", "surface-1", "surface-2", "surface-3", "accent", "ok", "warn", "bad"];
const SERIES = Array.from({ length: 8 }, (_, index) => `series-${index + 1}`);

const STATES: readonly (readonly [State, string, string])[] = [
  ["ok", "healthy, pass", "succeeded"],
  ["running", "running", "running, attempt 2"],
  ["pending", "pending", "waiting, 1 of 2"],
  ["warning", "slow", "slow rank 2"],
  ["bad", "failed", "failed: out of memory"],
  ["off", "stopped, draining", "stopped by Ines Okafor"],
  ["not-measured", "not measured", "not measured"],
  ["stale", "stale 41 s", "stale 41 s"],
];

function Swatches({ names }: { names: readonly string[] }) {
  return (
    <div className="grid grid-cols-8 overflow-hidden rounded-panel border border-line">
      {names.map((name) => (
        <div key={name}>
          <div className="h-8" style={{ background: `var(--${name})` }} />
          <div className="px-1.5 py-1 text-12 text-ink-2">{name}</div>
        </div>
      ))}
    </div>
  );
}

export function GroundSections({ now }: { now: number }) {
  return (
    <>
      <Section
        span={12}
        title="Colour"
        note="accent is for what can be acted on; ok, warn and bad are for state; series are for lines"
        padded
      >
        <div className="grid gap-2">
          <Swatches names={SURFACES} />
          <Swatches names={SERIES} />
        </div>
      </Section>
      <Section span={4} title="Type">
        <div className="body grid gap-2">
          <div style={{ font: "var(--t-28)", letterSpacing: "-0.02em" }}>
            91.84%{" "}
            <span className="text-12 font-normal tracking-normal text-ink-3">
              28/32, one number a screen is about
            </span>
          </div>
          <div style={{ font: "var(--t-18)" }}>
            garment-cls v9 <span className="text-12 font-normal text-ink-3">18/24, titles and tiles</span>
          </div>
          <div className="text-14">
            Traffic moves from v7 to v5. <span className="text-12 text-ink-3">14/20 prose</span>
          </div>
          <div>
            Demand 112, ready 104 <span className="text-12 text-ink-3">13/20 tables, controls</span>
          </div>
          <div className="text-12 text-ink-2">Labels, axes, help, 12/16, the smallest</div>
          <div className="mono">3f9c2ab step 3,900 loss 0.2620</div>
          <div className="row">
            <KeyHint keys="g t" />
            <KeyHint keys="⌘K" />
          </div>
        </div>
      </Section>
      <Section span={4} title="State: shape and word" padded>
        <div className="grid grid-cols-2 gap-x-3 gap-y-2 justify-items-start">
          {STATES.map(([state, word, badge]) => [
            <StatusDot key={state} state={state}>
              {word}
            </StatusDot>,
            <StatusBadge key={`${state} badge`} state={state}>
              {badge}
            </StatusBadge>,
          ])}
        </div>
      </Section>
      <Section span={4} title="Measured, predicted, age">
        <Metrics now={now} />
      </Section>
    </>
  );
}

function Metrics({ now }: { now: number }) {
  return (
    <div className="grid grid-cols-2 [&>*]:border-line [&>*:nth-child(even)]:border-l [&>*:nth-child(n+3)]:border-t">
      <Metric size="lg" label="Accuracy" value="91.5%" half="±0.4" n={10_000} note="paired" kind="measured" />
      <Metric
        size="lg"
        label="Accuracy"
        value="88.5%"
        delta="−3.3 pt"
        note="calibrated on 8 points"
        kind="predicted"
      />
      <Metric label="Requests" value="412" unit="/s" at={now - 1000} periodMs={600_000} note="fresh" />
      <Metric
        label="Requests"
        value="412"
        unit="/s"
        at={now - 900_000}
        periodMs={400_000}
        note="late: greys, age shows"
      />
      <Metric
        label="Requests"
        value="412"
        unit="/s"
        at={now - 2_460_000}
        periodMs={400_000}
        note="stale: shape on the age"
      />
      <Metric
        label="Requests"
        value="412"
        unit="/s"
        at={now - 1_800_000}
        periodMs={4000}
        note="missing: a gap, never 0"
      />
      <Metric label="Latency, batch 64" value={null} note="nobody measured it" />
      <div className="tile">
        <div className="lab">Ages of events</div>
        <Age at={now - 1_200_000} form="ago" /> <Age at={now - 26 * 86_400_000} />
      </div>
    </div>
  );
}
