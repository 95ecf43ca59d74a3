/** Several subjects of one rule in one sentence: pure. */
import { groupBy } from "../platform/group-by";
import type { Problem } from "./problems";

type Told = Pick<Problem, "about" | "severity" | "title" | "detail" | "path">;
const NAMED = 5;

/** How one subject, or several together, are told. @param told in the order in which they are named, never empty */
export function together(told: readonly Told[], many: Problem["many"]): Omit<Told, "about"> {
  const [first] = told;
  if (!first) throw new Error("nothing is told of nobody");
  const { severity, title, detail, path } = first;
  if (told.length === 1) return { severity, title, detail, path };
  const names = told.slice(0, NAMED).map(({ about }) => about);
  const rest = told.length - names.length;
  return {
    severity: told.some((one) => one.severity === "bad") ? "bad" : "warning",
    title: `${told.length} ${many.says}`,
    detail: `${names.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}. ${first.title}: ${first.detail}`,
    path: many.path,
  };
}

/** In the order in which each rule comes first. */
export const byRule = <P extends { key: string }>(problems: readonly P[]): Map<string, P[]> =>
  groupBy(problems, ({ key }) => key.split(":")[0] ?? key);

/** Problems as a person reads them: those of one rule together, each where the first of them stood. */
export function grouped(problems: readonly Problem[]): Problem[] {
  return [...byRule(problems).values()].flatMap((of) => {
    const [first] = of;
    if (!first) return [];
    if (of.length === 1) return [first];
    const times = of.flatMap(({ since }) => since?.getTime() ?? []);
    return [
      {
        ...{ ...first, ...together(of, first.many), modelId: null, action: "Show them" },
        since: times.length > 0 ? new Date(Math.min(...times)) : null,
      },
    ];
  });
}

/** An alert that fires, as it was told. */
export interface Firing extends Pick<Problem, "severity" | "place" | "title" | "detail" | "since"> {
  id: string;
  rule: string;
  /** Nobody has taken it up, and not all of it is silenced. */
  needsSomebody: boolean;
}

/** `open` needs somebody; `new` has not lasted long enough to be told; `handled` was taken up or silenced. */
export interface Standing extends Problem {
  standing: "open" | "new" | "handled";
}
const STANDINGS = ["open", "new", "handled"] as const;

/**
 * What is wrong, one for each rule, with how it stands: every alert that fires is among them, so that those that are
 * open are as many as everybody is told of. What needs somebody comes first, and of that the worst.
 */
export function standing(problems: readonly Problem[], firing: readonly Firing[]): Standing[] {
  const alerts = new Map(firing.map((alert) => [alert.rule, alert]));
  const found = byRule(grouped(problems));
  const seen = [...found].flatMap(([rule, of]) => {
    const alert = alerts.get(rule);
    const how = alert ? (alert.needsSomebody ? "open" : "handled") : "new";
    return of.map((problem): Standing => ({ ...problem, standing: how }));
  });
  const told = firing.filter(({ rule }) => !found.has(rule)).map(asProblem);
  return [...seen, ...told].toSorted(
    (a, b) =>
      STANDINGS.indexOf(a.standing) - STANDINGS.indexOf(b.standing) ||
      Number(b.severity === "bad") - Number(a.severity === "bad"),
  );
}

/** Of a rule that somebody wrote, or of what is over for less than a minute. */
const asProblem = ({ id, rule, needsSomebody, ...told }: Firing): Standing => ({
  ...{ ...told, key: rule, about: told.title, modelId: null, holdSeconds: 0 },
  ...{ path: `/alerts?alert=${id}`, action: "Open the alert", many: { says: told.title, path: "/alerts" } },
  standing: needsSomebody ? "open" : "handled",
});
