/** Who served at a moment: the routes then in force, who let them, and what the gateways counted in that minute. */
import { and, desc, eq, lte, sql } from "drizzle-orm";
import { routeTable, servingMinute } from "../../db/schema/releases";
import { record } from "../audit/service";
import { laneName, RouteTable } from "../gateway/contract";
import { type TeamContext, transact } from "../platform/context";
import type { Environment, LaneName } from "./contract";
import type { LaneKey } from "./lane";
import { modelByName } from "./rollout-page";

export interface ServedArm {
  version: number;
  digest: string;
  /** Percent; 0 for a shadow, whose answers reached nobody. */
  weight: number;
  isShadow: boolean;
  revision: number | null;
  kind: string | null;
  approvedBy: string[];
  /** Of that minute. */
  requests: number;
  errors: number;
}
export interface ServedAt {
  model: string;
  environment: Environment;
  at: Date;
  /** When the table came into force; null when nothing served. */
  since: Date | null;
  routeRevision: number | null;
  arms: ServedArm[];
}

/** @throws NotFound for a model that the team does not have */
export async function servedAt(ctx: TeamContext, input: LaneName & { at: Date }): Promise<ServedAt> {
  const found = await modelByName(ctx.db, ctx.teamId, input.model);
  const [table] = await ctx.db
    .select()
    .from(routeTable)
    .where(lte(routeTable.createdAt, input.at))
    .orderBy(desc(routeTable.revision))
    .limit(1);
  const routes = RouteTable.parse(table?.routes ?? { routes: [] }).routes;
  const route = routes.find(
    (r) => r.teamId === ctx.teamId && r.modelId === found.id && r.environment === input.environment,
  );
  const { environment } = input;
  const nobody = { model: found.name, environment, at: input.at, since: null, routeRevision: null, arms: [] };
  if (!table || !route) return nobody;
  const all = [
    ...route.arms.map((arm) => ({ ...arm, isShadow: false })),
    ...(route.shadow ? [{ ...route.shadow, weight: 0, isShadow: true }] : []),
  ];
  const [releases, counts] = await Promise.all([
    approvedReleases(
      ctx,
      all.map((arm) => arm.releaseId),
    ),
    countsOf(ctx, { modelId: found.id, environment }, input.at),
  ]);
  const arms = all.map(({ version, releaseId, weight, isShadow }) => {
    const made = releases.get(releaseId);
    const counted = counts.get(version.id);
    return {
      version: version.number,
      digest: version.digest,
      weight,
      isShadow,
      revision: made?.revision ?? null,
      kind: made?.kind ?? null,
      approvedBy: made?.approvedBy ?? [],
      requests: counted?.requests ?? 0,
      errors: counted?.errors ?? 0,
    };
  });
  return { ...nobody, since: table.createdAt, routeRevision: table.revision, arms };
}

/** Releases with who approved them; one that restores another was approved with it. */
async function approvedReleases(ctx: TeamContext, ids: readonly string[]) {
  const { rows } = await ctx.db.execute<{
    id: string;
    revision: number;
    kind: "promotion" | "rollback" | "forward";
    approvedBy: string[];
  }>(sql`
    select l.id, l.revision, l.kind, coalesce(array_agg(coalesce(u.name, a.approver_id) order by a.created_at)
      filter (where a.id is not null), '{}') as "approvedBy"
    from release l
    left join release root on root.id = l.restores_id
    left join approval a on a.request_id = coalesce(l.request_id, root.request_id) and a.decision = 'approve'
    left join "user" u on u.id = a.approver_id
    where l.team_id = ${ctx.teamId} and l.id in (${sql.join(
      ids.map((id) => sql`${id}`),
      sql`, `,
    )})
    group by l.id`);
  return new Map(rows.map((row) => [row.id, row]));
}

async function countsOf(ctx: TeamContext, { modelId, environment }: LaneKey, at: Date) {
  const rows = await ctx.db
    .select({
      versionId: servingMinute.versionId,
      requests: sql<number>`sum(${servingMinute.requests})::int`,
      errors: sql<number>`sum(${servingMinute.errors})::int`,
    })
    .from(servingMinute)
    .where(
      and(
        eq(servingMinute.teamId, ctx.teamId),
        eq(servingMinute.modelId, modelId),
        eq(servingMinute.environment, environment),
        sql`${servingMinute.minute} = date_trunc('minute', ${at}::timestamptz)`,
      ),
    )
    .groupBy(servingMinute.versionId);
  return new Map(rows.map((row) => [row.versionId, row]));
}

/** The same as a file that can be shown to others; that it was taken is in the audit. */
export async function evidenceOf(
  ctx: TeamContext,
  input: LaneName & { at: Date; format: "json" | "csv" },
): Promise<{ name: string; type: string; text: string }> {
  const served = await servedAt(ctx, input);
  const name = `served-${laneName(served.model, served.environment)}-${input.at.toISOString().replace(/[:.]/g, "-")}.${input.format}`;
  await transact(ctx, (tx) =>
    record(tx, ctx, {
      action: "release.evidence_taken",
      target: { kind: "model", id: served.model },
      summary: `Took evidence of who served ${served.model} ${served.environment} at ${input.at.toISOString()}`,
      after: { at: input.at.toISOString(), format: input.format, routeRevision: served.routeRevision },
    }),
  );
  return input.format === "json"
    ? { name, type: "application/json", text: `${JSON.stringify(served, null, 2)}\n` }
    : { name, type: "text/csv; charset=utf-8", text: toCsv(served) };
}

const COLUMNS = ["model", "environment", "at", "since", "routeRevision"] as const;
const ARM_COLUMNS = [
  "version",
  "digest",
  "weight",
  "isShadow",
  "revision",
  "kind",
  "approvedBy",
  "requests",
  "errors",
] as const;

/** RFC 4180; a value that a spreadsheet would run as a formula is kept as text. */
export function toCsv(served: ServedAt): string {
  const cell = (value: unknown) => {
    const text =
      value instanceof Date
        ? value.toISOString()
        : Array.isArray(value)
          ? value.join("; ")
          : String(value ?? "");
    const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const rows = served.arms.map((arm) => [
    ...COLUMNS.map((key) => cell(served[key])),
    ...ARM_COLUMNS.map((key) => cell(arm[key])),
  ]);
  return `${[[...COLUMNS, ...ARM_COLUMNS], ...rows].map((row) => row.join(",")).join("\r\n")}\r\n`;
}
