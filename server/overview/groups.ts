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
