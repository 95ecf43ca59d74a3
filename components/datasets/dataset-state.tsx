import { plural } from "@/components/ui/format";
import type { State } from "@/components/ui/shape";
import { StatusBadge, StatusDot } from "@/components/ui/status";

interface Props {
  state: "checking" | "ready" | "refused" | "failed";
  report: { problems: readonly unknown[] } | null;
}

function look({ state, report }: Props): [State, string] {
  if (state === "checking") return ["running", "being checked"];
  if (state === "refused") return ["bad", "refused"];
  if (state === "failed") return ["bad", "not checked"];
  const warnings = report?.problems.length ?? 0;
  if (warnings === 0) return ["ok", "ready"];
  return ["warning", `ready, ${plural(warnings, "warning")}`];
}

export function DatasetStateDot(props: Props) {
  const [state, words] = look(props);
  return <StatusDot state={state}>{words}</StatusDot>;
}

export function DatasetStateBadge(props: Props) {
  const [state, words] = look(props);
  return <StatusBadge state={state}>{words}</StatusBadge>;
}
