/** The order of the node table, and what its search finds. Pure. */
import type { Sort } from "@/components/ui/table";
import { byName } from "@/server/platform/names-contract";
import { nodeSays } from "./node-words";
import type { ClusterNode } from "./types";
import { busyShare, type Reading } from "./use-readings";

type ReadingOf = (serial: number) => Reading;
type Key = string | number | null;

/** What each sortable column is sorted by; null is not known. */
const KEYS: Record<string, (node: ClusterNode, readingOf: ReadingOf) => Key> = {
  name: (node) => node.name,
  state: (node) => nodeSays(node).word,
  since: (node) => -node.stateSince.getTime(),
  pool: (node) => node.pool,
  cpus: (node) => node.cpusUsed,
  gpus: (node) => (node.gpus > 0 ? node.gpusUsed : null),
  busy: (node, readingOf) => busyShare(node, readingOf(node.serial)),
  memory: (node, readingOf) => readingOf(node.serial).memoryBytes,
  runs: (node) => node.occupants.length,
  price: (node) => node.pricePerHour,
};

/** The sort in an address, `busy.desc`; by name where it names no column. */
export function nodeSort(text: string): Sort {
  const [key = "", direction] = text.split(".");
  return Object.hasOwn(KEYS, key)
    ? { key, direction: direction === "desc" ? "desc" : "asc" }
    : { key: "name", direction: "asc" };
}

const compare = (a: string | number, b: string | number): number =>
  typeof a === "number" && typeof b === "number" ? a - b : byName(String(a), String(b));

/** Those that have the words in name, pool, state or address, in order; what is not known comes last. */
export function nodesInOrder(
  nodes: readonly ClusterNode[],
  { search, sort, readingOf }: { search: string; sort: Sort; readingOf: ReadingOf },
): ClusterNode[] {
  const keyOf = KEYS[sort.key] ?? ((node: ClusterNode) => node.name);
  const sign = sort.direction === "asc" ? 1 : -1;
  const wanted = search.trim().toLowerCase();
  return nodes
    .filter((node) =>
      `${node.name} ${node.pool} ${node.address} ${nodeSays(node).word}`.toLowerCase().includes(wanted),
    )
    .map((node) => ({ node, key: keyOf(node, readingOf) }))
    .sort((a, b) => {
      if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
      return sign * compare(a.key, b.key);
    })
    .map(({ node }) => node);
}
