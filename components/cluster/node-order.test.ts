/** The order of the node table: numbers by their size, and what nobody told last. */
import { expect, it } from "vitest";
import { nodeSort, nodesInOrder } from "./node-order";
import type { ClusterNode } from "./types";

const BUSY = [0.25, 0.5, null, 0.11, 1, 0.025];
const nodes = BUSY.map((_, serial) => nodeOf(serial));

function nodeOf(serial: number): ClusterNode {
  const stateSince = new Date(Date.UTC(2026, 10, 1) - 10 ** serial * 1_000);
  return {
    ...{
      id: `node_${serial}`,
      nodeId: `ray${serial}`,
      serial,
      name: `gpu-${serial + 8}`,
      pool: "gpu",
      address: "10.0.0.7",
      labels: {},
    },
    ...{ isHead: false, state: "active", cordoned: false, wish: null, wishReason: null, stateSince },
    ...{ cpus: 1, cpusUsed: serial, gpus: 0, gpusUsed: 0, gpuModel: null, gpuMemoryBytes: null },
    ...{ memoryBytes: 1, pricePerHour: null, isFlapping: false, occupants: [] },
  };
}

const inOrder = (sort: string, search = "") =>
  nodesInOrder(nodes, {
    ...{ search, sort: nodeSort(sort) },
    readingOf: (serial) => ({
      ...{
        cpuPercent: (BUSY[serial] ?? null) && (BUSY[serial] ?? 0) * 100,
        memoryBytes: null,
        gpuPercent: null,
      },
    }),
  }).map(({ serial }) => serial);

it.each([
  ["busy.asc", [5, 3, 0, 1, 4, 2]],
  ["busy.desc", [4, 1, 0, 3, 5, 2]],
  ["since.asc", [0, 1, 2, 3, 4, 5]],
  ["name.desc", [5, 4, 3, 2, 1, 0]],
  ["cpus.desc", [5, 4, 3, 2, 1, 0]],
  ["nonsense", [0, 1, 2, 3, 4, 5]],
])("%s", (sort, serials) => {
  expect(inOrder(sort)).toEqual(serials);
});

it("search finds by name, pool, state and address", () => {
  expect(inOrder("name.asc", " GPU-13 ")).toEqual([5]);
  expect(inOrder("name.asc", "active")).toHaveLength(6);
  expect(inOrder("name.asc", "idle")).toEqual([]);
});
