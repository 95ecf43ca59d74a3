"use client";
import { type KeyboardEvent, useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { Button } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { count } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import type { Inspection } from "@/server/models/contract";
import { type Layout, layout, NODE, neighbour, type PlacedNode } from "./graph-layout";

const ZOOMS = [0.4, 0.55, 0.75, 1, 1.3];
/** Drawn above and below what is in sight, in px of the frame. */
const OVERSCAN = 200;
const KEYS = new Set(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End"]);

interface Props {
  inspection: Inspection;
  /** The name of the selected node; empty for none. */
  selected: string;
  onSelect: (node: string) => void;
}

/** The graph from inputs to outputs; a press selects a node's layer, arrow keys walk along the edges. */
export function GraphPanel({ inspection, selected, onSelect }: Props) {
  const { graph, tierNode, tier } = inspection;
  if (!graph) {
    return (
      <Panel title="Graph" padded>
        <p className="t2">
          This version was inspected before graphs were kept. Upload the file again as a new version to see
          it.
        </p>
      </Panel>
    );
  }
  const isCut = graph.nodes.length < graph.total;
  return (
    <Panel
      title="Graph"
      subtitle={
        isCut
          ? `the first ${count(graph.nodes.length)} of ${count(graph.total)} nodes; later ones are not drawn`
          : `${count(graph.total)} nodes that follow from the input${tierNode ? `; “${tierNode}” limits it to tier ${tier}` : ""}`
      }
    >
      <Drawing nodes={graph.nodes} limiting={tierNode} selected={selected} onSelect={onSelect} />
    </Panel>
  );
}

function Drawing(props: {
  nodes: NonNullable<Inspection["graph"]>["nodes"];
  limiting: string | null;
  selected: string;
  onSelect: (node: string) => void;
}) {
  const { nodes, limiting, selected, onSelect } = props;
  const placed = useMemo(() => layout(nodes), [nodes]);
  const [zoom, setZoom] = useState(3);
  const scale = ZOOMS[zoom] ?? 1;
  const frame = useRef<HTMLDivElement>(null);
  const view = useView(frame, scale);
  const chosen = placed.nodes.findIndex((node) => !node.isInput && node.name === selected);
  const entry = Math.max(chosen, 0);

  const scrollTo = useEffectEvent((index: number) => {
    const [node, element] = [placed.nodes[index], frame.current];
    if (!node || !element) return;
    const y = node.y * scale;
    if (y < element.scrollTop || y + NODE.height * scale > element.scrollTop + element.clientHeight)
      element.scrollTop = y - element.clientHeight / 2;
    const x = node.x * scale;
    if (x < element.scrollLeft || x + NODE.width * scale > element.scrollLeft + element.clientWidth)
      element.scrollLeft = x - element.clientWidth / 2;
  });
  // Also where the table or the address selected it.
  useEffect(() => {
    if (chosen >= 0) scrollTo(chosen);
  }, [chosen]);

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const at =
      event.target instanceof HTMLElement ? Number(event.target.dataset.node ?? Number.NaN) : Number.NaN;
    if (!KEYS.has(event.key) || Number.isNaN(at)) return;
    event.preventDefault();
    const next = neighbour(placed, at, event.key);
    const target = placed.nodes[next];
    if (!target || next === at) return;
    if (!target.isInput) onSelect(target.name);
    scrollTo(next);
    const focus = () => frame.current?.querySelector<HTMLElement>(`[data-node="${next}"]`)?.focus();
    // The node exists only after the frame has scrolled there.
    requestAnimationFrame(() => requestAnimationFrame(focus));
  };

  const inSight = (top: number, bottom: number) => bottom >= view.top && top <= view.bottom;
  return (
    <div className="graph">
      <div className="graph-tools">
        <Button
          size="sm"
          reason={zoom === 0 && "smallest"}
          reasonAt="hidden"
          onClick={() => setZoom(zoom - 1)}
        >
          Smaller
        </Button>
        <span className="num t2 s12">{Math.round(scale * 100)}%</span>
        <Button
          size="sm"
          reason={zoom === ZOOMS.length - 1 && "largest"}
          reasonAt="hidden"
          onClick={() => setZoom(zoom + 1)}
        >
          Larger
        </Button>
        <span className="t3 s12">Arrow keys walk along the edges.</span>
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: keys of the buttons inside */}
      <div ref={frame} className="graph-frame" onKeyDown={onKeyDown}>
        <div style={{ width: placed.width * scale, height: placed.height * scale }}>
          <div
            className="graph-sheet"
            style={{ width: placed.width, height: placed.height, transform: `scale(${scale})` }}
          >
            <Edges placed={placed} chosen={chosen} inSight={inSight} />
            {placed.nodes.map(
              (node, index) =>
                (index === entry || inSight(node.y, node.y + NODE.height)) && (
                  <Node
                    key={`${node.isInput ? "input" : "node"} ${node.name}`}
                    node={node}
                    index={index}
                    isSelected={index === chosen}
                    isEntry={index === entry}
                    isLimiting={!node.isInput && node.name === limiting}
                    onSelect={onSelect}
                  />
                ),
            )}
          </div>
        </div>
      </div>
    </div>
  );
}

/** What part of the sheet is in sight, in its own px. */
function useView(frame: React.RefObject<HTMLDivElement | null>, scale: number) {
  const [view, setView] = useState({ top: 0, bottom: 900 });
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const read = () =>
      setView({
        top: (element.scrollTop - OVERSCAN) / scale,
        bottom: (element.scrollTop + element.clientHeight + OVERSCAN) / scale,
      });
    read();
    const observer = new ResizeObserver(read);
    observer.observe(element);
    element.addEventListener("scroll", read, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener("scroll", read);
    };
  }, [frame, scale]);
  return view;
}

function Edges(props: { placed: Layout; chosen: number; inSight: (top: number, bottom: number) => boolean }) {
  const { placed, chosen, inSight } = props;
  return (
    <svg width={placed.width} height={placed.height} aria-hidden="true">
      {placed.edges.map(
        ({ from, to, top, bottom, path, isSkip }) =>
          inSight(top, bottom) && (
            <path
              key={`${from} ${to}`}
              className={cx("graph-edge", isSkip && "skip-edge", (from === chosen || to === chosen) && "on")}
              d={path}
            />
          ),
      )}
    </svg>
  );
}

interface NodeProps {
  node: PlacedNode;
  index: number;
  isSelected: boolean;
  isEntry: boolean;
  isLimiting: boolean;
  onSelect: (node: string) => void;
}

function Node({ node, index, isSelected, isEntry, isLimiting, onSelect }: NodeProps) {
  const { name, op, layer, isInput } = node;
  const words = [isInput ? "input" : op, layer ?? name, isLimiting && "limits the tier"].filter(Boolean);
  return (
    <button
      type="button"
      data-node={index}
      className={cx("graph-node", layer && "has-weights", isInput && "is-input", isLimiting && "limits")}
      style={{ left: node.x, top: node.y, width: NODE.width, height: NODE.height }}
      tabIndex={isEntry ? 0 : -1}
      aria-pressed={isSelected}
      aria-label={words.join(", ")}
      title={isLimiting ? `${name}: limits the tier` : name}
      onClick={() => !isInput && onSelect(name)}
    >
      {isLimiting && <span aria-hidden="true">▲ </span>}
      <b className="m">{op}</b> <span className="t2">{layer ?? (isInput ? name : "")}</span>
    </button>
  );
}
