/** A rule as somebody types it: numbers are texts until they are read. Pure. */
import { issueSays, readNumber } from "@/components/ui/typed";
import {
  type Condition,
  type Preview,
  PreviewRule,
  type RuleDraft,
  type Series,
} from "@/server/alerts/rule-contract";
import type { Written } from "./rule-words";

export interface Draft {
  name: string;
  note: string;
  severity: RuleDraft["severity"];
  webhooks: string[] | null;
  series: Series;
  metric: string;
  /** Empty: all of them. */
  subject: string;
  kind: Condition["kind"];
  side: "above" | "below";
  value: string;
  minutes: string;
  clear: string;
  direction: "rises" | "falls";
  by: string;
}

const FRESH: Draft = {
  ...{
    name: "",
    note: "",
    severity: "warning",
    webhooks: null,
    series: "gateway.p99",
    metric: "",
    subject: "",
  },
  ...{ kind: "threshold", side: "above", value: "", minutes: "5", clear: "", direction: "rises", by: "" },
};

/** What the form begins with. */
export function draftOf(rule: Written | undefined): Draft {
  if (!rule) return FRESH;
  const { name, note, severity, webhooks, looks } = rule;
  const { series, metric, subject, condition } = looks;
  const base: Draft = {
    ...FRESH,
    ...{ name, note, severity, webhooks, series, metric: metric ?? "", subject: subject ?? "" },
    ...{ kind: condition.kind, minutes: String(condition.minutes) },
  };
  if (condition.kind === "threshold") {
    const { side, value, clear } = condition;
    return { ...base, side, value: String(value), clear: clear === null ? "" : String(clear) };
  }
  if (condition.kind === "rate") return { ...base, direction: condition.direction, by: String(condition.by) };
  return base;
}

function conditionOf({ kind, side, value, minutes, clear, direction, by }: Draft): Condition {
  const lasting = readNumber(minutes);
  if (kind === "absence") return { kind, minutes: lasting };
  if (kind === "rate") return { kind, direction, by: readNumber(by), minutes: lasting };
  return {
    kind,
    side,
    value: readNumber(value),
    minutes: lasting,
    clear: clear.trim() === "" ? null : readNumber(clear),
  };
}

/** What a draft looks at, as it would be sent. */
export const looksOf = (draft: Draft): Preview => ({
  series: draft.series,
  metric: draft.series === "run.metric" ? draft.metric.trim() || null : null,
  subject: draft.subject || null,
  condition: conditionOf(draft),
});

/** What is wrong with each field; nothing where it can be played. */
export function errorsOf(draft: Draft): Record<string, string> {
  const { error } = PreviewRule.safeParse(looksOf(draft));
  return Object.fromEntries(
    (error?.issues ?? []).map((issue) => [String(issue.path.at(-1) ?? ""), issueSays(issue)]),
  );
}
