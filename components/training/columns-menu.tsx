import { Menu, type MenuItem } from "@/components/ui/menu";
import { MAX_METRIC_COLUMNS } from "@/server/runs/list-contract";

interface Props {
  columns: readonly { key: string; head: string }[];
  hidden: readonly string[];
  onHidden: (keys: readonly string[]) => void;
  /** Names that may stand as columns, those chosen among them. */
  metrics: readonly string[];
  chosen: readonly string[];
  onChosen: (names: readonly string[]) => void;
}

/** Which columns the list of runs shows. */
export function ColumnsMenu({ columns, hidden, onHidden, metrics, chosen, onChosen }: Props) {
  const isFull = chosen.length >= MAX_METRIC_COLUMNS;
  const metricItem = (name: string): MenuItem => ({
    label: name,
    checked: chosen.includes(name),
    reason: isFull && !chosen.includes(name) ? `at most ${MAX_METRIC_COLUMNS}` : undefined,
    onPress: () => onChosen(toggled(chosen, name)),
  });
  const always = {
    label: "Columns",
    items: columns.map(({ key, head }) => ({
      label: head,
      checked: !hidden.includes(key),
      onPress: () => onHidden(toggled(hidden, key)),
    })),
  };
  const ofMetrics = { label: "Newest value of a metric", items: metrics.map(metricItem) };
  return <Menu label="Columns" groups={metrics.length > 0 ? [always, ofMetrics] : [always]} />;
}

const toggled = (all: readonly string[], one: string): readonly string[] =>
  all.includes(one) ? all.filter((other) => other !== one) : [...all, one];
