"use client";
import { memo, useState } from "react";
import { cx } from "@/components/ui/cx";
import { count, ms, percent, plural, significant } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import { Panel } from "@/components/ui/panel";
import { SearchField } from "@/components/ui/search-field";
import type { LayerTimes } from "@/server/models/contract";
import { PRECISIONS, type Settings } from "@/server/studio/contract";
import type { StudioBaseline, StudioPartial } from "@/server/studio/session-contract";
import { LayerBar } from "./layer-bar";
import { reasonOf } from "./settings";

type Built = Extract<StudioPartial, { type: "built" }>;
type Order = "graph" | "size" | "harm" | "time";

interface Props {
  baseline: StudioBaseline;
  built: Built | undefined;
  settings: Settings;
  onSettings: (next: Settings) => void;
  /** Where the version's own time goes, from its newest evaluation that was profiled. */
  times: LayerTimes | null;
}

/** Fewer are in sight all at once. */
const SEARCHED_FROM = 8;

/** The ratio of the scan by which layers are compared. */
const COMPARED_AT = 0.6;

/**
 * Layer by layer: output channels before and after, and the share of zeros as built for this setting. A bar that is
 * dragged locks its layer at a ratio; the others give the rest.
 */
export const LayersPanel = memo(function LayersPanel({
  baseline,
  built,
  settings,
  onSettings,
  times,
}: Props) {
  const [order, setOrder] = useState<Order>("graph");
  const [query, setQuery] = useState("");
  const after = new Map(built?.layers.map((layer) => [layer.name, layer]));
  const kept = built?.layers.reduce((sum, layer) => sum + layer.parameters, 0);
  const harm = harmOf(baseline);
  const mostHarm = Math.max(...harm.values(), 0);
  const reason = reasonOf(baseline, "sparsity");
  const spent = new Map(times?.layers.map((layer) => [layer.name, layer.ms]));
  const mostSpent = Math.max(...spent.values(), 0);
  const rows = inOrder(baseline.layers, order, { harm, time: spent }).filter(({ name }) =>
    name.toLowerCase().includes(query.trim().toLowerCase()),
  );
  const locked = Object.keys(settings.layers).length;

  const lock = (name: string, ratio: number) =>
    onSettings({ ...settings, layers: { ...settings.layers, [name]: ratio } });
  const isLowered = settings.precision !== "fp32";
  const keptFloat = new Set(isLowered ? settings.keepFloat : []);
  const toggleFloat = (name: string) =>
    onSettings({
      ...settings,
      keepFloat: keptFloat.has(name)
        ? settings.keepFloat.filter((kept) => kept !== name)
        : [...settings.keepFloat, name],
    });
  const unlock = (name: string) => {
    const { [name]: _, ...layers } = settings.layers;
    onSettings({ ...settings, layers });
  };
  return (
    <Panel
      title="Layers"
      subtitle={locked > 0 ? `${plural(locked, "layer")} locked` : `${baseline.layers.length} with weights`}
      className="studio-layers"
      tools={
        built ? <span className="kind">as built</span> : <span className="t3 s12">as in the version</span>
      }
    >
      {baseline.layers.length >= SEARCHED_FROM && (
        <div className="studio-layer-search">
          <SearchField value={query} onValueChange={setQuery} placeholder="Search layers" />
        </div>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <section className="studio-layer-rows" tabIndex={0} aria-label="Layers">
        <table className="tight">
          <thead>
            <tr>
              <OrderHead order="graph" now={order} onOrder={setOrder} title="In the order of the graph">
                Layer
              </OrderHead>
              <OrderHead order="size" now={order} onOrder={setOrder} isNumber title="Largest first">
                Channels
              </OrderHead>
              <OrderHead
                order="harm"
                now={order}
                onOrder={setOrder}
                title={`What zeroing ${percent(COMPARED_AT, 0)} of this layer alone does to the answers, from the scan; most harmful first`}
              >
                Harm
              </OrderHead>
              <OrderHead
                order="time"
                now={order}
                onOrder={setOrder}
                title={
                  times
                    ? `Share of the version’s ${ms(times.totalMs)} at batch ${times.batch}, profiled by its newest evaluation; slowest first`
                    : "Comes with an evaluation that profiles this version; none has yet"
                }
              >
                Time
              </OrderHead>
              <th
                scope="col"
                title="What is kept; zeros in the lighter colour. Drag to lock a layer at a ratio."
              >
                Kept
              </th>
              <th scope="col" className="num">
                Zeros
              </th>
              {isLowered && (
                <th scope="col" title={`In fp32, or lowered to ${PRECISIONS[settings.precision]}`}>
                  fp32
                </th>
              )}
              <th scope="col">
                <span className="sr-only">Lock</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((before) => {
              const layer = after.get(before.name) ?? before;
              const isCut = layer.after < before.before;
              const held = settings.layers[before.name];
              const ratio = held ?? layer.sparsity;
              const harmHere = harm.get(before.name);
              const takes = spent.get(before.name);
              return (
                <tr key={before.name}>
                  <td className="clip" title={before.name}>
                    <bdi>{before.name}</bdi>
                  </td>
                  <td className="num">
                    {isCut && <span className="t3">{before.before} → </span>}
                    <span className={cx(isCut && "m")}>{layer.after}</span>
                  </td>
                  <Share
                    of={harmHere === undefined ? null : Math.sqrt(harmHere / (mostHarm || 1))}
                    title={harmHere === undefined ? "not scanned yet" : `KL ${significant(harmHere)} nats`}
                    className="harm"
                  />
                  <Share
                    of={takes === undefined ? null : takes / (mostSpent || 1)}
                    title={
                      takes !== undefined
                        ? `${ms(takes)}, ${percent(takes / (times?.totalMs || 1), 0)} of all`
                        : times
                          ? "runs inside the kernel of the layer before it"
                          : "not timed yet"
                    }
                    className="time"
                  />
                  <td>
                    <LayerBar
                      name={before.name}
                      width={before.before ? layer.after / before.before : 1}
                      ratio={ratio}
                      reason={reason}
                      onRatio={(next) => lock(before.name, next)}
                    />
                  </td>
                  <td className={cx("num", held === undefined ? "t2" : "m")}>
                    {ratio > 0 ? percent(ratio, 0) : "0%"}
                  </td>
                  {isLowered && (
                    <td>
                      <input
                        type="checkbox"
                        checked={keptFloat.has(before.name)}
                        aria-label={`Keep ${before.name} in fp32`}
                        onChange={() => toggleFloat(before.name)}
                      />
                    </td>
                  )}
                  <td>
                    <button
                      type="button"
                      className={cx("layer-lock", held !== undefined && "on")}
                      aria-pressed={held !== undefined}
                      aria-label={`Lock ${before.name} at ${percent(ratio, 0)}`}
                      title={held === undefined ? "Lock at this ratio" : "Unlock"}
                      disabled={reason !== undefined}
                      onClick={() =>
                        held === undefined
                          ? lock(before.name, Math.round(ratio * 100) / 100)
                          : unlock(before.name)
                      }
                    >
                      <Icon name={held === undefined ? "unlocked" : "locked"} />
                    </button>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
        {rows.length === 0 && <p className="body t2">No layer’s name holds “{query}”.</p>}
      </section>
      <p className="body t2 s12">
        {built && kept !== undefined
          ? `${count(kept)} of ${count(baseline.parameters)} parameters are kept: ${percent(built.achieved.channels, 0)} of channels removed, ${percent(built.achieved.sparsity, 0)} of weights zero.`
          : `${count(baseline.parameters)} parameters. Turn a dial to see what it takes from each layer.`}{" "}
        {scanSays(baseline)}
      </p>
    </Panel>
  );
});

interface HeadProps {
  order: Order;
  now: Order;
  onOrder: (order: Order) => void;
  isNumber?: boolean;
  title: string;
  children: string;
}

function OrderHead({ order, now, onOrder, isNumber, title, children }: HeadProps) {
  const isOn = order === now;
  return (
    <th
      scope="col"
      className={cx(isNumber && "num")}
      aria-sort={isOn ? (order === "graph" ? "ascending" : "descending") : "none"}
    >
      <button
        type="button"
        className={cx("order-head", isOn && "on")}
        title={title}
        onClick={() => onOrder(order)}
      >
        {children}
      </button>
    </th>
  );
}

/** What a layer's zeros alone do to the answers at one ratio, by name; empty until the scan is done. */
function harmOf({ sensitivity }: StudioBaseline): Map<string, number> {
  return new Map(
    sensitivity.layers.flatMap(({ name, ratios, kl }) => {
      const at = kl[ratios.indexOf(COMPARED_AT)];
      return at === undefined ? [] : [[name, at] as const];
    }),
  );
}

function inOrder(
  layers: StudioBaseline["layers"],
  order: Order,
  known: Record<"harm" | "time", ReadonlyMap<string, number>>,
) {
  if (order === "graph") return layers;
  const value = (layer: StudioBaseline["layers"][number]) =>
    order === "size" ? layer.parameters : (known[order].get(layer.name) ?? 0);
  return [...layers].sort((a, b) => value(b) - value(a));
}

/** A share of the largest as a bar; null leaves its place empty. */
function Share({ of, title, className }: { of: number | null; title: string; className: "harm" | "time" }) {
  return (
    <td title={title}>
      <span className={cx("layer-share", className)}>
        {of !== null && <i style={{ width: `${of * 100}%` }} />}
      </span>
      <span className="sr-only">{title}</span>
    </td>
  );
}

const scanSays = ({ sensitivity: { done, total } }: StudioBaseline): string =>
  done < total ? `Scanning what each layer can spare: ${percent(done / total, 0)}.` : "";
