"use client";
import { cx } from "@/components/ui/cx";
import { type FigureWords, figureOf } from "@/components/ui/figure";
import { percent } from "@/components/ui/format";
import { Segmented } from "@/components/ui/segmented";
import { Select } from "@/components/ui/select";
import { Slider } from "@/components/ui/slider";
import type { DatasetTask } from "@/server/datasets/contract";
import {
  Merge,
  type MergeMethod,
  type MergePartner,
  type Settings,
  usesAncestor,
} from "@/server/studio/contract";
import type { Dial } from "./predict";

interface Props {
  settings: Settings;
  onSettings: (next: Settings) => void;
  onRelease: () => void;
  active: Dial;
  onActive: (dial: Dial) => void;
  partners: readonly MergePartner[] | undefined;
  task: DatasetTask;
  /** Why this version can't be merged with any. */
  reason: string | undefined;
  /** Weights that are measured with everything else as it stands. */
  measured: readonly number[];
  from: string;
}

const WEIGHT_STEP = 0.05;
/** Where the weight lands when a partner is chosen: halfway says most about two versions. */
const START = 0.5;
const NONE = "none";

const METHODS: Record<MergeMethod, { label: string; does: string }> = {
  soup: { label: "soup", does: "Weights are averaged." },
  slerp: { label: "slerp", does: "Each tensor turns along the arc to the partner's, so its length stays." },
  arithmetic: { label: "arith.", does: "Both changes from the ancestor are added to it." },
  ties: {
    label: "TIES",
    does: "Of both changes from the ancestor the largest stay, and where they disagree the stronger sign.",
  },
};
const METHOD_OPTIONS = (["soup", "slerp", "arithmetic", "ties"] as const).map((value) => ({
  value,
  label: METHODS[value].label,
  hint: METHODS[value].does,
}));

/** Another version of the model joined into this one: which, how, and how much of it. */
export function MergeDial(props: Props) {
  const { settings, onSettings, active, onActive, partners, reason, measured, from } = props;
  const figure = figureOf(props.task);
  const { merge } = settings;
  const chosen = partners?.find((p) => p.number === merge?.partner);
  const turn = (next: Partial<Merge>) => {
    onActive("merge");
    if (merge) onSettings({ ...settings, merge: { ...merge, ...next } });
  };
  const choose = (value: string) => {
    if (value === NONE) {
      onActive("sparsity");
      onSettings({ ...settings, merge: null });
      return;
    }
    onActive("merge");
    const partner = Number(value);
    const start = Merge.parse({ partner, method: "soup", weight: START });
    onSettings({ ...settings, merge: merge ? { ...merge, partner } : start });
  };
  return (
    <div className={cx("dial-block", active === "merge" && "active")}>
      <div className="field-head">
        <span className="lab">Merge</span>
        <span className="lab t3">before all other dials</span>
      </div>
      <Select
        label="Version to merge with"
        placeholder="with no other version"
        disabled={reason !== undefined || !partners || partners.length === 0}
        value={merge ? String(merge.partner) : NONE}
        onValueChange={choose}
        options={[
          { value: NONE, label: "with no other version" },
          ...(partners ?? []).map((p) => optionOf(p, figure)),
        ]}
      />
      <div className="help">{reason ?? standing(partners, merge, chosen, from, figure)}</div>
      {merge && (
        <>
          <Segmented
            label="Method of the merge"
            wide
            value={merge.method}
            onValueChange={(method) => turn({ method })}
            options={METHOD_OPTIONS}
          />
          <Slider
            label={`Weight of v${merge.partner}`}
            aside={<b className="dial-value">{percent(merge.weight, 0)}</b>}
            value={merge.weight}
            min={0}
            max={1}
            step={WEIGHT_STEP}
            marks={[
              { value: 0, label: from },
              { value: 0.5, label: "50" },
              { value: 1, label: `v${merge.partner}` },
            ]}
            measured={measured}
            hint={METHODS[merge.method].does}
            format={(value) => percent(value, 0)}
            onValueChange={(value) => turn({ weight: Math.round(value * 100) / 100 })}
            onRelease={props.onRelease}
          />
          {merge.method === "ties" && (
            <Slider
              label="Density"
              aside={<b className="dial-value">{percent(merge.density, 0)}</b>}
              value={merge.density}
              min={0.05}
              max={1}
              step={WEIGHT_STEP}
              hint="The share of each change that stays."
              format={(value) => percent(value, 0)}
              onValueChange={(value) => turn({ density: Math.round(value * 100) / 100 })}
            />
          )}
          {usesAncestor(merge.method) && (
            <Slider
              label="Scale"
              aside={<b className="dial-value">{merge.scale.toFixed(1)}</b>}
              value={merge.scale}
              min={0}
              max={2}
              step={0.1}
              hint="How far from the ancestor: 1 averages both changes, 2 adds them up at 50%."
              format={(value) => value.toFixed(1)}
              onValueChange={(value) => turn({ scale: Math.round(value * 10) / 10 })}
            />
          )}
        </>
      )}
    </div>
  );
}

const optionOf = ({ number, reason, accuracy }: MergePartner, { value }: FigureWords) => ({
  value: String(number),
  label: `with v${number}`,
  ...(accuracy !== null && { hint: value(accuracy) }),
  ...(reason !== null && { reason }),
});

/** What is chosen and how good it is alone, or why nothing can be. */
function standing(
  partners: readonly MergePartner[] | undefined,
  merge: Merge | null,
  chosen: MergePartner | undefined,
  from: string,
  { value }: FigureWords,
): string {
  if (!partners) return "Looking for versions to merge with.";
  if (partners.length === 0)
    return `${from} is the only version of this model. Train or compress it, and both can be merged.`;
  if (merge && !chosen) return `This model has no v${merge.partner}.`;
  if (chosen?.reason) return chosen.reason;
  if (chosen) {
    const alone =
      chosen.accuracy === null
        ? `v${chosen.number} was not measured on this dataset.`
        : `v${chosen.number} alone: ${value(chosen.accuracy)} on the whole test set.`;
    return `${alone} Both came from v${chosen.ancestorNumber}.`;
  }
  return partners.every((p) => p.reason !== null)
    ? "No version can be merged with this one; each says why."
    : "Versions of one ancestor can become one.";
}
