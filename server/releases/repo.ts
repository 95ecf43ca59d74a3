/** SQL of lanes: releases, replicas, routes. Read models of the pages are in `views.ts`. */
import { and, desc, eq, inArray, sql } from "drizzle-orm";
import { model, version } from "../../db/schema/models";
import { promotionRequest, release, routeTable } from "../../db/schema/releases";
import { rollout } from "../../db/schema/rollouts";
import { ROUTES_CHANNEL, type Route, RouteTable } from "../gateway/contract";
import type { Db, Transaction } from "../platform/db";
import { NotFound } from "../platform/errors";
import type { Environment } from "./contract";
import type { Lane, LaneKey } from "./lane";
import type { Rollout } from "./rollout";
import { Strategy } from "./rollout-contract";
import { askedAt, crashLoopsOf, currentScaling, loadOf, replicasOf, wakesOf } from "./scaling-repo";

const RELEASES_KEPT = 100;

/** Whoever changes a lane holds this until the end of the transaction: changes of one lane take turns. */
export async function lockLane(tx: Transaction, { modelId, environment }: LaneKey): Promise<void> {
  await tx.execute(
    sql`select pg_advisory_xact_lock(hashtextextended(${`lane:${modelId}:${environment}`}, 0))`,
  );
}

/** @throws NotFound for a model of another team */
export async function loadLane(db: Db, teamId: string, key: LaneKey): Promise<Lane> {
  const { modelId, environment } = key;
  const [owner] = await db
    .select({ name: model.name })
    .from(model)
    .where(and(eq(model.id, modelId), eq(model.teamId, teamId)));
  if (!owner) throw new NotFound("There is no such model in this team.");
  const releases = await db
    .select({ release, number: version.number, digest: version.digest, rollout })
    .from(release)
    .innerJoin(version, eq(version.id, release.versionId))
    .leftJoin(rollout, eq(rollout.releaseId, release.id))
    .where(
      and(eq(release.teamId, teamId), eq(release.modelId, modelId), eq(release.environment, environment)),
    )
    .orderBy(desc(release.revision))
    .limit(RELEASES_KEPT);
  const [replicas, current, load, loops, wakes, asked] = [
    await replicasOf(db, teamId, key),
    await currentScaling(db, teamId, key),
    await loadOf(db, teamId, key),
    await crashLoopsOf(db, teamId, key),
    await wakesOf(db, teamId, key),
    await askedAt(db, teamId, key),
  ];
  const route = (await currentRoutes(db)).find((r) => r.teamId === teamId && isOf(r, key));
  return {
    teamId,
    modelId,
    environment,
    modelName: owner.name,
    releases: releases.map(({ release: r, number, digest, rollout: way }) => ({
      ...r,
      version: { id: r.versionId, number, digest },
      rollout: way && toRollout(way),
    })),
    replicas,
    scaling: current,
    load,
    crashLoops: loops,
    wakes,
    askedAt: asked,
    routed: route ? { arms: route.arms, shadow: route.shadow } : null,
  };
}

function toRollout({
  id,
  strategy,
  phase,
  step,
  isHeld,
  since,
}: typeof rollout.$inferSelect): Rollout | null {
  const parsed = Strategy.parse(strategy);
  return parsed.kind === "at_once" ? null : { id, strategy: parsed, phase, step, isHeld, since };
}

/** Lanes that have something to keep or to reach. */
export async function activeLanes(db: Db): Promise<(LaneKey & { teamId: string })[]> {
  const { rows } = await db.execute<{ teamId: string; modelId: string; environment: Environment }>(sql`
    select team_id as "teamId", model_id as "modelId", environment from release
      where state in ('preparing', 'rolling_out', 'serving')
    union select team_id, model_id, environment from replica where undesired_at is null`);
  return rows;
}

const isOf = (route: LaneKey, key: LaneKey): boolean =>
  route.modelId === key.modelId && route.environment === key.environment;

async function currentRoutes(db: Db): Promise<Route[]> {
  const [table] = await db
    .select({ routes: routeTable.routes })
    .from(routeTable)
    .orderBy(desc(routeTable.revision))
    .limit(1);
  return table ? RouteTable.parse(table.routes).routes : [];
}

/**
 * Publishes the next table with this route in it and wakes the gateways when the transaction commits. Publishers
 * take turns, so that revisions commit in their order and no route of another lane is lost.
 */
export async function publishRoute(tx: Transaction, route: Route, cause: string): Promise<number> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('route_table', 0))`);
  const others = (await currentRoutes(tx)).filter((r) => !isOf(r, route));
  const [row] = await tx
    .insert(routeTable)
    .values({ routes: RouteTable.parse({ routes: [...others, route] }), cause })
    .returning({ revision: routeTable.revision });
  if (!row) throw new Error("publishing a route table answered no revision");
  await tx.execute(sql`select pg_notify(${ROUTES_CHANNEL}, '')`);
  return row.revision;
}

export const insertRelease = (tx: Transaction, row: typeof release.$inferInsert) =>
  tx.insert(release).values({ ...row, servingAt: row.state === "serving" ? sql`now()` : null });

export const findRelease = async (db: Db, teamId: string, id: string) =>
  (
    await db
      .select()
      .from(release)
      .where(and(eq(release.id, id), eq(release.teamId, teamId)))
  )[0];

export async function setRelease(
  tx: Transaction,
  teamId: string,
  ids: readonly string[],
  values: Partial<
    Pick<typeof release.$inferInsert, "state" | "message" | "routeRevision" | "rolledBackFrom">
  > & { isServingNow?: boolean; isReplacedNow?: boolean },
): Promise<void> {
  if (ids.length === 0) return;
  const { isServingNow, isReplacedNow, ...set } = values;
  await tx
    .update(release)
    .set({
      ...set,
      ...(isServingNow && { servingAt: sql`now()` }),
      ...(isReplacedNow && { replacedAt: sql`clock_timestamp()` }),
    })
    .where(and(eq(release.teamId, teamId), inArray(release.id, [...ids])));
}

export const findRequest = async (db: Db, teamId: string, number: number) =>
  (
    await db
      .select()
      .from(promotionRequest)
      .where(and(eq(promotionRequest.teamId, teamId), eq(promotionRequest.number, number)))
  )[0];

/** The request, locked until the end of the transaction. */
export const lockRequest = async (tx: Transaction, teamId: string, number: number) =>
  (
    await tx
      .select()
      .from(promotionRequest)
      .where(and(eq(promotionRequest.teamId, teamId), eq(promotionRequest.number, number)))
      .for("update")
  )[0];

export async function nextRequestNumber(tx: Transaction, teamId: string): Promise<number> {
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`request:${teamId}`}, 0))`);
  const [row] = await tx
    .select({ number: sql<number>`coalesce(max(number), 0)::int + 1` })
    .from(promotionRequest)
    .where(eq(promotionRequest.teamId, teamId));
  return row?.number ?? 1;
}

export const setRequest = (
  tx: Transaction,
  teamId: string,
  id: string,
  values: Partial<typeof promotionRequest.$inferInsert>,
) =>
  tx
    .update(promotionRequest)
    .set(values)
    .where(and(eq(promotionRequest.id, id), eq(promotionRequest.teamId, teamId)));
