"use client";
import Link from "next/link";
import type { ReactNode } from "react";
import { Digest } from "@/components/ui/digest";
import { bytes, compact, count, datetime, duration, ms } from "@/components/ui/format";
import { DefinitionList, Panel } from "@/components/ui/panel";
import { Bar } from "@/components/ui/progress";
import type { Inspection, TensorSpec } from "@/server/models/contract";
import { against, recipeDetail, recipeTitle } from "./lineage";
import type { VersionPageData } from "./version-page";

const SIZES = [
  ["file", "file", "what is stored and served"],
  ["zstd19", "zstd-19", "on the wire, compressed"],
  ["sparse", "sparse", "if zeros were left out"],
  ["packed", "packed", "if weights were packed to their bits"],
] as const;

/** Four honest sizes, beside those of the oldest ancestor. */
export function SizesPanel({ page: { version, lineage } }: { page: VersionPageData }) {
  const root = lineage[0];
  const base = root && root.id !== version.id ? root.sizes : null;
  const largest = Math.max(1, ...SIZES.map(([key]) => Math.max(version.sizes?.[key] ?? 0, base?.[key] ?? 0)));
  return (
    <Panel title="Four sizes" subtitle={base && root ? `against v${root.number}` : undefined}>
      <table className="tight sizes">
        <tbody>
          {SIZES.map(([key, label, meaning]) => {
            const value = version.sizes?.[key] ?? null;
            return (
              <tr key={key} title={meaning}>
                <td>{label}</td>
                <td className="sizes-bar">
                  {value !== null && (
                    <Bar
                      value={value / largest}
                      limit={base?.[key] != null ? base[key] / largest : undefined}
                      label={`${label}: share of the largest size`}
                    />
                  )}
                </td>
                <td className="num">{bytes(value)}</td>
                {base && <td className="num t2">{value === null ? "" : against(value, base[key])}</td>}
              </tr>
            );
          })}
        </tbody>
      </table>
      <p className="body t2 s12">
        Zeros in a dense file are not a smaller file; sparse and packed say what they could be.
      </p>
    </Panel>
  );
}

const TIERS: Record<number, string> = {
  1: "prune, fine-tune and quantize",
  2: "fine-tune, zero weights and quantize",
  3: "zero weights and lower their precision",
  4: "inspect and serve only",
};

const tensor = ({ name, dtype, shape }: TensorSpec): string =>
  `${name} ${shape.map((n) => n ?? "N").join("×")} ${dtype}`;

/** What the inspection found. */
export function FactsPanel({ inspection, tier }: { inspection: Inspection; tier: number }) {
  const { opset, irVersion, producer, inputs, outputs, parameters, macs, ops, testInference } = inspection;
  // What a quantized file can't do itself, the graph behind it can.
  const isByFloat = tier !== inspection.tier;
  return (
    <Panel title="Inspection" subtitle="passed, in a sandbox" padded>
      <DefinitionList
        items={[
          ["Can do", `tier ${tier}: ${TIERS[tier]}${isByFloat ? ", through its fp32 graph" : ""}`],
          ...(isByFloat ? [] : inspection.tierReasons).map(
            (reason, index) => [index === 0 ? "Because" : "", reason] as const,
          ),
          ["Inputs", inputs.map(tensor).join("; ")],
          ["Outputs", outputs.map(tensor).join("; ")],
          ["Parameters", `${count(parameters)}, ${compact(macs)} MACs a sample`],
          ["Format", `ONNX opset ${opset}, IR ${irVersion}${producer ? `, by ${producer}` : ""}`],
          ["Test run", `${ms(testInference.ms)} at batch 1`],
          [
            "Parity",
            inspection.parity === null
              ? "not imported"
              : `${inspection.parity.toExponential(1)} between PyTorch and ONNX Runtime; the limit is 1e-4`,
          ],
          ["Sandbox", inspection.isolation],
          ["Ops", <OpHistogram key="ops" ops={ops} />],
        ]}
      />
    </Panel>
  );
}

function OpHistogram({ ops }: { ops: Inspection["ops"] }) {
  const sorted = ops.toSorted((a, b) => b.count - a.count);
  const most = sorted[0]?.count ?? 1;
  return (
    <ul className="op-histogram">
      {sorted.map(({ op, count: n }) => (
        <li key={op}>
          <span className="clip" title={op}>
            {op}
          </span>
          <Bar tone="ink" value={n / most} label={`${op}, ${n} nodes, of the most frequent`} />
          <span className="num">{n}</span>
        </li>
      ))}
    </ul>
  );
}

/** Where its bytes come from; what is unknown is left out, never made up. */
export function ProvenancePanel({
  team,
  page: { version, run, lineage },
}: {
  team: string;
  page: VersionPageData;
}) {
  const parent = lineage.at(-2);
  const { steps, seconds, seed, environment, loggedBy, artifact } = version.provenance ?? {};
  const runLink = run && (
    <Link className="link" href={`/${team}/training/${run.number}`}>
      run {run.number}
    </Link>
  );
  const { madeBy } = version;
  const items: [string, ReactNode][] = [
    [
      "sha256",
      <span key="digest" className="mono digest-whole">
        {version.digest}
      </span>,
    ],
  ];
  if (version.floatDigest !== version.digest)
    items.push(["fp32 graph", <Digest key="float" value={version.floatDigest} label="fp32 digest" />]);
  items.push(["By", version.createdByName ?? "the console itself"]);
  items.push(["When", datetime(Number(version.createdAt))]);
  items.push(["File", version.filename]);
  if (loggedBy !== undefined)
    items.push([
      "Logged by",
      <span key="logged">
        <Link className="link" href={`/${team}/training/${loggedBy}`}>
          run {loggedBy}
        </Link>
        , as {artifact}
      </span>,
    ]);
  if (run) items.push([run.kind === "inspect_model" ? "Inspected by" : "Made by", runLink]);
  if (parent) items.push(["Parent", <Parent key="parent" parent={parent} />]);
  const mergedWith = lineage.at(-1)?.mergedWithNumber;
  if (mergedWith) items.push(["Other parent", `v${mergedWith}`]);
  if (madeBy) items.push(["Recipe", [recipeTitle(madeBy), recipeDetail(madeBy)].filter(Boolean).join(": ")]);
  if (madeBy?.kind === "compress")
    items.push(["Recipe digest", <Digest key="recipe" value={madeBy.digest} label="recipe digest" />]);
  if (steps !== undefined)
    items.push(["Steps", count(steps) + (seconds === undefined ? "" : ` in ${duration(seconds)}`)]);
  if (seed !== undefined) items.push(["Seed", String(seed)]);
  if (environment) {
    const words = Object.entries(environment).map(([name, value]) => `${name} ${value}`);
    items.push(["Environment", words.join(", ")]);
  }
  return (
    <Panel title="Provenance" padded>
      <DefinitionList items={items} />
    </Panel>
  );
}

const Parent = ({ parent }: { parent: { number: number; digest: string } }) => (
  <span className="row">
    v{parent.number} <Digest value={parent.digest} />
  </span>
);
