/** The past of the cluster under other limits: what it would have cost, and who would have waited. */
import type { z } from "zod";
import { DesiredPool } from "../../engine/contract";
import { defaultClusterId } from "../../engine/service";
import type { TeamContext } from "../../platform/context";
import { databaseTime } from "../../platform/db";
import { NotFound } from "../../platform/errors";
import { inSlices } from "../../platform/slices";
import { type EditPool, REPLAY_SPANS, type ReplayQuery } from "../contract";
import { plannedOf } from "../pools";
import * as repo from "../repo";
import { figuresOf, type Played, type Range, type ReplayPool, thinned } from "./demand";
import { knownSince, piecesWithin, startDelays, worksWithin } from "./history";
import { limitsOver } from "./hours";
import { demandsOf, pastOf, played } from "./past";
import { replaying } from "./replay";

/** Until a pool was seen to start a node, s. */
const ASSUMED_START = 60;

type Limits = Omit<z.infer<typeof EditPool>, "pool" | "preemptible">;

/**
 * What was, what the limits of now would have made of it, and what those that are asked about would have.
 *
 * @throws NotFound for a pool that there is not
 */
export async function replayPast(
  ctx: TeamContext,
  { span, pools: asked, width }: z.infer<typeof ReplayQuery>,
) {
  const { db } = ctx;
  const clusterId = await defaultClusterId(db);
  const [rows, delays, since, now] = await Promise.all([
    repo.listPools(db, clusterId),
    startDelays(db, clusterId),
    knownSince(db, clusterId),
    databaseTime(db),
  ]);
  for (const { pool } of asked)
    if (!rows.some(({ name }) => name === pool)) throw new NotFound(`There is no pool ${pool}.`);
  if (since === null) return null;
  const range = { from: Math.max(since, now - REPLAY_SPANS[span]), to: now };
  const [works, pieces] = await Promise.all([
    worksWithin(db, clusterId, range),
    piecesWithin(db, clusterId, range),
  ]);
  const past = await inSlices(pastOf(works, pieces, range));
  const demands = await inSlices(demandsOf(past, range));
  const was = await inSlices(played(past, range));
  const replayed = (pools: ReplayPool[]) => inSlices(replaying(demands, pools, range));
  const usualDelay = delays.size > 0 ? Math.max(...delays.values()) : ASSUMED_START;
  const poolsUnder = (of: (row: repo.PoolRow) => Limits) =>
    rows.map((row) => poolUnder(row, of(row), delays.get(row.name) ?? usualDelay, range));
  const show = (of: Played) => ({ ...figuresOf(of), course: thinned(of.course, range, width) });
  const asIs = poolsUnder(limitsNow);
  const edited = poolsUnder((row) => asked.find(({ pool }) => pool === row.name) ?? limitsNow(row));
  return {
    range,
    /** False where less is known than was asked for. */
    isWhole: since <= now - REPLAY_SPANS[span],
    /** How long a node of each pool takes to start, s; whether that was seen or is assumed. */
    starts: asIs.map(({ name, startMs }) => ({
      name,
      seconds: startMs / 1000,
      isMeasured: delays.has(name),
    })),
    was: show(was),
    asIs: show(await replayed(asIs)),
    /** Null where nothing else is asked about. */
    asWouldBe: asked.length > 0 ? show(await replayed(edited)) : null,
  };
}

function limitsNow(row: repo.PoolRow): Limits {
  const { usual, schedule } = plannedOf(row);
  return { ...usual, schedule, idleSeconds: row.idleSeconds, pricePerHour: row.pricePerHour };
}

function poolUnder(row: repo.PoolRow, limits: Limits, startSeconds: number, range: Range): ReplayPool {
  const { CPU = 0, GPU = 0 } = DesiredPool.shape.resources.parse(row.resources);
  const { min, max, schedule, idleSeconds, pricePerHour } = limits;
  return {
    ...{ name: row.name, size: { cpus: CPU, gpus: GPU }, pricePerHour },
    limits: limitsOver(schedule, { min, max }, range),
    ...{ idleMs: idleSeconds * 1000, startMs: startSeconds * 1000 },
  };
}
