/** What rules that people wrote find wrong. One pass reads each kind of series once, however many rules look at it. */
import type { Problem } from "../overview/service";
import type { Db } from "../platform/db";
import { log } from "../platform/log";
import { inOrder, judge } from "./judge";
import { conditionSays, type Preview, PreviewRule, SERIES, staleSeconds, valueSays } from "./rule-contract";
import { type RuleInForce, rulesInForce } from "./rule-repo";
import { type Line, type Readings, readSeries, type SourceName, sourceOf, WHOLE_CLUSTER } from "./sources";

type Rule = Omit<RuleInForce, "looks"> & { looks: Preview };

/** How far back a look needs to read. */
const reachSeconds = ({ series, condition }: Preview) => condition.minutes * 60 + 2 * staleSeconds(series);

export class Findings {
  private readonly shared = new Map<SourceName, Promise<Readings>>();

  private constructor(
    private readonly db: Db,
    private readonly rules: readonly Rule[],
    /** Unix milliseconds. */
    private readonly now: number,
  ) {}

  /** Reads the rules that are in force; one that can't be read is logged and looks at nothing. */
  static async begin(db: Db, now: number): Promise<Findings> {
    const rules = (await rulesInForce(db)).flatMap((row): Rule[] => {
      const looks = PreviewRule.safeParse(row.looks);
      if (looks.success) return [{ ...row, looks: looks.data }];
      log().warn({ ruleId: row.id, err: looks.error }, "a rule can't be read");
      return [];
    });
    return new Findings(db, rules, now);
  }

  /** @param firing keys of what fires: it goes on until it clears */
  async problemsOf(teamId: string, firing: ReadonlySet<string>): Promise<Problem[]> {
    const own = this.rules.filter((rule) => rule.teamId === teamId);
    const bySource = new Map<SourceName, Rule[]>();
    for (const rule of own) {
      const source = sourceOf(rule.looks.series);
      bySource.set(source, [...(bySource.get(source) ?? []), rule]);
    }
    const found = await Promise.all(
      [...bySource].map(async ([source, rules]) => {
        const readings = await this.read(source, rules, teamId);
        return rules.flatMap((rule) => problemsOfRule(rule, readings(rule.looks), firing, this.now));
      }),
    );
    return found.flat();
  }

  /** What is the same for all teams is read once a pass, as far back as any of them needs. */
  private read(source: SourceName, own: readonly Rule[], teamId: string): Promise<Readings> {
    if (!WHOLE_CLUSTER.has(source)) return this.ask(source, own, teamId);
    const rules = this.rules.filter(({ looks }) => sourceOf(looks.series) === source);
    const asked = this.shared.get(source) ?? this.ask(source, rules, teamId);
    this.shared.set(source, asked);
    return asked;
  }

  private ask(source: SourceName, rules: readonly Rule[], teamId: string): Promise<Readings> {
    const seconds = Math.max(...rules.map(({ looks }) => reachSeconds(looks)));
    const metrics = [...new Set(rules.flatMap(({ looks }) => looks.metric ?? []))];
    const range = { from: this.now - seconds * 1000, to: this.now, stepSeconds: 60 };
    return readSeries(this.db, source, teamId, range, metrics);
  }
}

function problemsOfRule(
  rule: Rule,
  lines: readonly Line[],
  firing: ReadonlySet<string>,
  now: number,
): Problem[] {
  const { series, subject, condition } = rule.looks;
  const staleMs = staleSeconds(series) * 1000;
  return lines.flatMap((line): Problem[] => {
    if (subject !== null && line.id !== subject) return [];
    const key = `${rule.id}:${line.id}`;
    const held = judge(
      condition,
      { points: inOrder(line.points), bornAt: line.bornAt, staleMs },
      now,
      firing.has(key),
    );
    if (!held) return [];
    const value = held.value === null ? "no value" : valueSays(series, held.value);
    return [
      {
        ...{ key, about: line.name, severity: rule.severity, place: "A rule of the team" },
        title: `${rule.name}: ${line.name}, ${value}`,
        detail: `${SERIES[series].name}${rule.looks.metric ? ` ${rule.looks.metric}` : ""} ${conditionSays(series, condition)}.${rule.note ? ` ${rule.note}` : ""}`,
        ...{ since: new Date(held.since), path: line.path, action: "Open it", modelId: null },
        many: { says: `${PLURAL[SERIES[series].of]}: ${rule.name}`, path: pathOfMany(line.path) },
        holdSeconds: 0,
      },
    ];
  });
}

const PLURAL = {
  ...{ node: "nodes", pool: "pools", cluster: "clusters" },
  ...{ model: "models", run: "runs", team: "teams" },
} as const;

/** "/training" of "/training/12", "/cluster" of "/cluster?node=…". */
const pathOfMany = (path: string): string => /^\/[a-z]+/.exec(path)?.[0] ?? path;
