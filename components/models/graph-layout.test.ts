import fc from "fast-check";
import { expect, test } from "vitest";
import type { GraphNode } from "@/server/models/contract";
import { layout, NODE, neighbour } from "./graph-layout";

const node = (name: string, inputs: string[]): GraphNode => ({
  name,
  op: "Relu",
  layer: null,
  inputs,
  outputs: [name],
  shape: null,
});

/** x → a → b → c → add, with a skip from a to add. */
const RESIDUAL = [node("a", ["x"]), node("b", ["a"]), node("c", ["b"]), node("add", ["c", "a"])];

test("a residual branch is seen: the chain is straight and the skip runs beside it", () => {
  const { nodes, edges, width } = layout(RESIDUAL);
  expect(nodes.map(({ name, rank, lane }) => [name, rank, lane])).toEqual([
    ["x", 0, 0],
    ["a", 1, 0],
    ["b", 2, 0],
    ["c", 3, 0],
    ["add", 4, 0],
  ]);
  const skips = edges.filter((edge) => edge.isSkip);
  expect(skips.map(({ from, to }) => [nodes[from]?.name, nodes[to]?.name])).toEqual([["a", "add"]]);
  const across = Number(/H([\d.]+)V/.exec(skips[0]?.path ?? "")?.[1]);
  expect(across).toBeGreaterThan((nodes[1]?.x ?? 0) + NODE.width);
  expect(across).toBeLessThan(width);
});

test("arrow keys follow the edges and stop at the ends", () => {
  const placed = layout(RESIDUAL);
  const names = (at: number) => placed.nodes[at]?.name;
  expect(names(neighbour(placed, 1, "ArrowDown"))).toBe("b");
  expect(names(neighbour(placed, 4, "ArrowUp"))).toBe("c");
  expect(neighbour(placed, 0, "ArrowUp")).toBe(0);
  expect(neighbour(placed, 2, "ArrowLeft")).toBe(2);
});

test("no graph puts two nodes in one place, an edge upwards, or two skips on one line at once", () => {
  const graphs = fc
    .array(fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 20 })
    .map((inputs) =>
      inputs.map((reads, index) =>
        node(
          `n${index}`,
          reads.map((read) => (index === 0 ? "x" : `n${read % index}`)),
        ),
      ),
    );
  fc.assert(
    fc.property(graphs, (graph) => {
      const { nodes, edges, width, height } = layout(graph);
      expect(new Set(nodes.map(({ x, y }) => `${x} ${y}`)).size).toBe(nodes.length);
      for (const { x, y } of nodes) expect(x + NODE.width < width && y + NODE.height < height).toBe(true);
      for (const edge of edges) expect(edge.bottom).toBeGreaterThan(edge.top);
      const skips = edges.filter((edge) => edge.isSkip);
      const gutter = (path: string) => /H([\d.]+)V/.exec(path)?.[1];
      for (const [i, one] of skips.entries())
        for (const other of skips.slice(i + 1)) {
          if (one.from === other.from || gutter(one.path) !== gutter(other.path)) continue;
          expect(one.bottom <= other.top + NODE.height || other.bottom <= one.top + NODE.height).toBe(true);
        }
    }),
  );
});

test("an edge from a node that was cut off is left out, and its tensor stands as an input", () => {
  const { nodes } = layout([node("late", ["early"])]);
  expect(nodes.map(({ name, isInput }) => [name, isInput])).toEqual([
    ["early", true],
    ["late", false],
  ]);
});
