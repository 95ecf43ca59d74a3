/** Rows of the layer table: shares of bytes, of MACs and of measured time; searched and sorted. */
import type { Sort } from "@/components/ui/table";
import type { Inspection, Layer, LayerTimes } from "@/server/models/contract";

export interface LayerRow extends Layer {
  /** In graph order; names may repeat where layers share weights. */
  index: number;
  byteShare: number;
  /** Null where MACs were not counted. */
  macShare: number | null;
  /** Null where latency was not measured; "fused" where the layer runs inside another's kernel. */
  timeShare: number | "fused" | null;
  zeroShare: number | null;
}

export function layerRows(
  { layers, macs }: Pick<Inspection, "layers" | "macs">,
  times: LayerTimes | null,
): LayerRow[] {
  const bytes = layers.reduce((sum, layer) => sum + layer.bytes, 0);
  const ms = new Map(times?.layers.map((layer) => [layer.name, layer.ms]));
  return layers.map((layer, index) => {
    const spent = ms.get(layer.name);
    return {
      ...layer,
      index,
      byteShare: bytes > 0 ? layer.bytes / bytes : 0,
      macShare: layer.macs === null || macs === 0 ? null : layer.macs / macs,
      timeShare: !times || times.totalMs <= 0 ? null : spent === undefined ? "fused" : spent / times.totalMs,
      zeroShare: layer.weights && layer.weights.n > 0 ? layer.weights.zeros / layer.weights.n : null,
    };
  });
}

const KEYS: Record<string, (row: LayerRow) => number | string> = {
  name: (row) => row.name,
  op: (row) => row.op,
  parameters: (row) => row.parameters,
  bytes: (row) => row.bytes,
  macs: (row) => row.macShare ?? -1,
  time: (row) => (typeof row.timeShare === "number" ? row.timeShare : -1),
  zeros: (row) => row.zeroShare ?? -1,
};

/** Rows whose name, operator or shape holds the text, in graph order or as asked. */
export function arrange(rows: readonly LayerRow[], query: string, sort: Sort | undefined): LayerRow[] {
  const text = query.trim().toLowerCase();
  const found = rows.filter((row) =>
    `${row.name} ${row.op} ${row.shape.join("×")}`.toLowerCase().includes(text),
  );
  const key = sort && KEYS[sort.key];
  if (!sort || !key) return found;
  const sign = sort.direction === "asc" ? 1 : -1;
  return found.sort((a, b) => {
    const [one, other] = [key(a), key(b)];
    return sign * (one < other ? -1 : one > other ? 1 : 0) || a.index - b.index;
  });
}
