"use client";
import { cx } from "@/components/ui/cx";
import { count, percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import type { StudioBaseline, StudioPartial } from "@/server/studio/contract";

type Built = Extract<StudioPartial, { type: "built" }>;

/** Layer by layer: output channels before and after, and the share of zeros, as built for this setting. */
export function LayersPanel({ baseline, built }: { baseline: StudioBaseline; built: Built | undefined }) {
  const after = new Map(built?.layers.map((layer) => [layer.name, layer]));
  const kept = built?.layers.reduce((sum, layer) => sum + layer.parameters, 0);
  return (
    <Panel
      title="Layers"
      subtitle={`${baseline.layers.length}, in graph order`}
      className="studio-layers"
      tools={
        built ? <span className="kind">as built</span> : <span className="t3 s12">as in the version</span>
      }
    >
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className="studio-layer-rows" tabIndex={0} aria-label="Layers">
        <table className="tight">
          <thead>
            <tr>
              <th scope="col">Layer</th>
              <th scope="col" className="num">
                Channels
              </th>
              <th scope="col" title="What is kept; zeros in the lighter colour">
                Kept
              </th>
              <th scope="col" className="num">
                Zeros
              </th>
            </tr>
          </thead>
          <tbody>
            {baseline.layers.map((before) => {
              const layer = after.get(before.name) ?? before;
              const width = before.before ? layer.after / before.before : 1;
              const isCut = layer.after < before.before;
              return (
                <tr key={before.name}>
                  <td className="clip" title={before.name}>
                    {before.name}
                  </td>
                  <td className="num">
                    {isCut && <span className="t3">{before.before} → </span>}
                    <span className={cx(isCut && "m")}>{layer.after}</span>
                  </td>
                  <td>
                    <div
                      className="layer-bar"
                      role="img"
                      aria-label={`${percent(width, 0)} of the channels, ${percent(layer.sparsity, 0)} of their weights are zero`}
                    >
                      <i className="zeros" style={{ width: `${width * 100}%` }} />
                      <i style={{ width: `${width * (1 - layer.sparsity) * 100}%` }} />
                    </div>
                  </td>
                  <td className="num t2">{layer.sparsity > 0 ? percent(layer.sparsity, 0) : "0%"}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
      <p className="body t2 s12">
        {built && kept !== undefined
          ? `${count(kept)} of ${count(baseline.parameters)} parameters are kept: ${percent(built.achieved.channels, 0)} of channels removed, ${percent(built.achieved.sparsity, 0)} of weights zero.`
          : `${count(baseline.parameters)} parameters. Turn a dial to see what it takes from each layer.`}
      </p>
    </Panel>
  );
}
