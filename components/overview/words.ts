/** How the overview says things; the wallboard says them the same way. */
import { count, decimal, money, percent, plural } from "@/components/ui/format";
import type { State } from "@/components/ui/shape";
import type { Overview, Problem, Served } from "./types";

export const HEALTH: Record<Served["health"], { state: State; words: string }> = {
  down: { state: "bad", words: "no replica" },
  failing: { state: "bad", words: "failing" },
  slow: { state: "bad", words: "slow" },
  short: { state: "warning", words: "short of replicas" },
  unknown: { state: "stale", words: "not known" },
  healthy: { state: "ok", words: "healthy" },
  asleep: { state: "off", words: "asleep" },
};

/** "61 /s"; a model that is asked now and then has a decimal. */
export const rate = (perSecond: number): string =>
  `${decimal(perSecond, perSecond > 0 && perSecond < 10 ? 1 : 0)} /s`;

/** Problems that need somebody, as many as the top bar says. */
export const openOf = ({ problems }: Pick<Overview, "problems">): number =>
  problems.filter(({ standing }) => standing === "open").length;

/** "3 problems, 1 just began, 2 approvals waiting"; "all is well" where there is none. */
export function headline({ problems, waiting }: Pick<Overview, "problems" | "waiting">): string {
  const problem = openOf({ problems });
  const standing = (of: Problem["standing"]) => problems.filter((one) => one.standing === of).length;
  const open = waiting.filter(({ state }) => state === "open").length;
  const parts = [
    problem > 0 && plural(problem, "problem"),
    standing("new") > 0 && `${count(standing("new"))} just began`,
    standing("handled") > 0 && `${count(standing("handled"))} taken up or silenced`,
    open > 0 && `${plural(open, "approval")} waiting`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join(", ") : "all is well";
}

/** What is counted on this cluster: GPUs where it has any. */
export function capacitySays({ cpus, cpusWanted, gpus, gpusWanted }: Overview["cluster"]) {
  const isGpu = gpus > 0 || gpusWanted > 0;
  const [has, wanted] = isGpu ? [gpus, gpusWanted] : [cpus, cpusWanted];
  const digits = (n: number) => decimal(n, n % 1 === 0 ? 0 : 1);
  return {
    unit: isGpu ? "GPUs" : "CPUs",
    value: `${digits(has)} / ${digits(wanted)}`,
    isShort: wanted > has,
  };
}

/** "$4.83/h now, $91.60 at midnight". */
export const spendingSays = ({ perHour, byMidnight, isWhole }: NonNullable<Overview["cluster"]["spent"]>) =>
  `${money(perHour)}/h now, ${money(byMidnight)} by midnight${isWhole ? "" : "; a node has no price"}`;

/** "this team $12.30 of $200.00 this month, 6%". */
export const budgetSays = ({ spent, amount }: NonNullable<Overview["budget"]>) =>
  `this team ${money(spent)} of ${money(amount)} this month${amount > 0 ? `, ${percent(spent / amount, 0)}` : ""}`;

type Shadow = NonNullable<Served["shadow"]>;
/** "97.3% same": of the requests that a shadow was asked too. */
export const shadowShare = ({ compared, agreed }: Shadow): string =>
  compared === 0 ? "shadows" : `${percent(agreed / compared, 1)} same`;
export const shadowSays = ({ version, compared, agreed }: Shadow): string =>
  `v${version} is a shadow: it gave the same answer to ${count(agreed)} of ${count(compared)} requests`;
