"use client";
import { count, ms, percent } from "@/components/ui/format";
import { Metric } from "@/components/ui/metric";
import { Tiles } from "@/components/ui/panel";
import type { RolloutPage } from "./words";

/** What the mirrored requests say: how often both answer alike, and how long each takes. */
export function ShadowPanel({ rollout }: { rollout: RolloutPage }) {
  const { shadow, sides } = rollout;
  if (!shadow) {
    return (
      <p className="body t2">No request was mirrored yet; {rollout.mirrored}% of those that come will be.</p>
    );
  }
  const { compared, agreed, notCompared, dropped } = shadow;
  const [candidate, reference] = sides;
  const pair = (p50: number, p99: number) => (p50 === 0 ? null : `${ms(p50 / 1000)}, p99 ${ms(p99 / 1000)}`);
  return (
    <Tiles label="Shadow" className="bare">
      <Metric
        label="Same answer"
        value={compared === 0 ? null : percent(agreed / compared, 1)}
        note={`n = ${count(compared)} compared; ${count(notCompared)} not comparable, ${count(dropped)} dropped`}
      />
      <Metric
        label={`v${candidate?.version} p50`}
        value={pair(shadow.p50Us, shadow.p99Us)}
        note="mirrored requests, at its replica"
      />
      <Metric
        label={`v${reference?.version ?? "?"} p50`}
        value={pair(shadow.referenceP50Us, shadow.referenceP99Us)}
        note="the same requests, at the replica that answered"
      />
    </Tiles>
  );
}
