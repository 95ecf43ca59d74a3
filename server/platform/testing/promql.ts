/** PromQL as Prometheus's own editor reads it, so that what `deploy/` asks is known to be a question. Used in tests only. */
import { parser } from "@prometheus-io/lezer-promql";

/** What Grafana fills in before it asks. */
const FILLED: Readonly<Record<string, string>> = { $__rate_interval: "1m", $model: ".*" };

/**
 * Names of the metrics that an expression asks for.
 *
 * @throws Error with the place where it can't be read
 */
export function metricsOf(expression: string): string[] {
  const filled = Object.entries(FILLED).reduce(
    (text, [name, value]) => text.replaceAll(name, value),
    expression,
  );
  const names: string[] = [];
  parser.parse(filled).iterate({
    enter({ type, from, to, node }) {
      if (type.isError) throw new Error(`"${filled}" can't be read from ${from} on: "${filled.slice(from)}"`);
      if (type.name === "Identifier" && node.parent?.name === "VectorSelector")
        names.push(filled.slice(from, to));
    },
  });
  if (names.length === 0) throw new Error(`"${filled}" asks for no metric`);
  return names;
}
