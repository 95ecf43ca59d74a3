"use client";
import { type FocusEvent, type KeyboardEvent, memo, type PointerEvent, useMemo, useState } from "react";
import { cx } from "@/components/ui/cx";
import { count, percent, plural } from "@/components/ui/format";
import { byName } from "@/server/platform/names-contract";
import { neighbour } from "./node-grid";
import { partsOf } from "./node-parts";
import { nodeSays, type Said } from "./node-words";
import type { NodesProps } from "./nodes-panel";
import type { ClusterNode, ClusterOverview } from "./types";
import { useInTurns } from "./use-in-turns";
import { busyShare, type Reading } from "./use-readings";

type NodeMapProps = NodesProps & Pick<ClusterOverview, "pools" | "pending">;

/** Cells are drawn anew only when their use passes such a step. */
const USE_STEPS = 10;
const LEGEND: readonly [Said["key"], string][] = [
  ["active", "active"],
  ["idle", "idle"],
  ["cordoned", "cordoned"],
  ["draining", "draining"],
];

/** Thousands of nodes at once: a cell each, by pool. Arrows move, Enter opens; the line on top tells of one. */
export function NodeMap({ nodes, readingOf, onOpen, pools, pending }: NodeMapProps) {
  const [at, setAt] = useState<string | null>(null);
  const told = nodes.find(({ id }) => id === at);
  const stop = told?.id ?? nodes[0]?.id;
  const names = [...new Set([...nodes, ...pending].map(({ pool }) => pool))].sort(byName);
  const parts = useMemo(() => partsOf(nodes), [nodes]);
  const readings = useInTurns(readingOf, parts.length);
  const tell = (event: PointerEvent | FocusEvent) => {
    const id = cellOf(event.target)?.dataset.node;
    if (id) setAt(id);
  };
  return (
    <div className="node-map">
      <p className="node-told">
        {told ? <Told node={told} reading={readingOf(told.serial)} /> : <Legend nodes={nodes} />}
      </p>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: its cells are buttons; it listens for all of them */}
      <div
        onPointerOver={tell}
        onFocus={tell}
        onPointerLeave={() => setAt(null)}
        onKeyDown={moveFocus}
        onClick={(event) => {
          const id = cellOf(event.target)?.dataset.node;
          if (id) onOpen(id);
        }}
      >
        {names.map((pool) => {
          const most = pools.find(({ name }) => name === pool)?.max;
          const starting = pending.filter((p) => p.pool === pool).reduce((sum, p) => sum + p.count, 0);
          return (
            <section key={pool} aria-label={`Nodes of ${pool}`}>
              <h3>
                <span className="m">{pool}</span>{" "}
                <span className="t2">
                  {count(nodes.filter((node) => node.pool === pool).length)}
                  {most !== undefined && ` of at most ${count(most)}`}
                  {starting > 0 && `, ${count(starting)} starting`}
                </span>
              </h3>
              <div className="cells">
                {parts.map(
                  (part, turn) =>
                    part.pool === pool && (
                      <Part
                        key={part.key}
                        nodes={part.nodes}
                        readingOf={readings[turn] ?? readingOf}
                        stop={part.nodes.some(({ id }) => id === stop) ? stop : undefined}
                      />
                    ),
                )}
                {Array.from({ length: starting }, (_, i) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: what starts has no identity yet
                  <span key={i} className="cell starting" aria-hidden="true" />
                ))}
              </div>
            </section>
          );
        })}
      </div>
    </div>
  );
}

interface PartProps {
  nodes: readonly ClusterNode[];
  readingOf: (serial: number) => Reading;
  /** The cell that Tab leads to, where it is here. */
  stop: string | undefined;
}

const Part = memo(function Part({ nodes, readingOf, stop }: PartProps) {
  return nodes.map((node) => (
    <Cell key={node.id} node={node} step={stepOf(node, readingOf(node.serial))} isStop={node.id === stop} />
  ));
});

function stepOf(node: ClusterNode, reading: Reading): number | null {
  const busy = busyShare(node, reading);
  return busy === null ? null : Math.round(busy * USE_STEPS);
}

interface CellProps {
  /** The same object until something of it changes. */
  node: ClusterNode;
  step: number | null;
  isStop: boolean;
}

const Cell = memo(function Cell({ node, step, isStop }: CellProps) {
  const { id, name } = node;
  const { key: look, word } = nodeSays(node);
  const use = step === null ? "use not known" : `about ${percent(step / USE_STEPS, 0)} in use`;
  return (
    <button
      type="button"
      data-node={id}
      className={cx("cell", look, step === null && "unread")}
      style={{ "--use": `${((step ?? 0) * 100) / USE_STEPS}%` }}
      aria-label={`${name}, ${word}, ${use}`}
      tabIndex={isStop ? 0 : -1}
    />
  );
});

function Told({ node, reading }: { node: ClusterNode; reading: Reading }) {
  const busy = busyShare(node, reading);
  return (
    <>
      <b className="m">{node.name}</b> {nodeSays(node).word};{" "}
      {busy === null
        ? "use not known"
        : `${percent(busy, 0)} of its ${node.gpus > 0 ? "GPUs" : "CPUs"} in use`}
      ;{" "}
      {node.occupants.length === 0
        ? "nothing of ours runs on it"
        : plural(node.occupants.length, "thing runs on it", "things run on it")}
      <span className="t3"> · Enter opens it</span>
    </>
  );
}

const Legend = memo(function Legend({ nodes }: { nodes: readonly ClusterNode[] }) {
  const looks = nodes.map((node) => nodeSays(node).key);
  return (
    <>
      {LEGEND.map(([look, word]) => (
        <span key={look} className="node-key">
          <span className={cx("cell", look)} style={{ "--use": "60%" }} aria-hidden="true" /> {word}{" "}
          <span className="t2 num">{count(looks.filter((one) => one === look).length)}</span>
        </span>
      ))}
      <span className="t3">how full a cell is: use of its GPUs, else of its CPUs</span>
    </>
  );
});

const cellOf = (target: EventTarget | null): HTMLElement | null =>
  target instanceof Element ? target.closest<HTMLElement>("[data-node]") : null;

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const from = cellOf(event.target);
  if (!from || event.altKey || event.ctrlKey || event.metaKey) return;
  const cells = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-node]")];
  const places = cells.map((cell) => ({ x: cell.offsetLeft, y: cell.offsetTop }));
  const to = neighbour(places, cells.indexOf(from), event.key);
  if (to === null) return;
  event.preventDefault();
  cells[to]?.focus();
}
