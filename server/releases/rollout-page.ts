/** What a model's page shows of its rollout: where it is, both versions side by side, where the rules stand. */
import { and, eq } from "drizzle-orm";
import { model } from "../../db/schema/models";
import type { TeamContext } from "../platform/context";
import type { Db } from "../platform/db";
import { NotFound } from "../platform/errors";
import { readings, type Seen, type Window } from "./alarms";
import type { LaneName } from "./contract";
import type { Lane, LaneRelease } from "./lane";
import { loadLane } from "./repo";
import { bakedAt, dueAt, isWatched, mirroredOf, weightOf } from "./rollout";
import { Firing } from "./rollout-contract";
import { lastRollout, loadSeen, loadShadow, referenceOf } from "./rollout-repo";

/** @throws NotFound for a model that the team does not have */
export async function modelByName(db: Db, teamId: string, name: string) {
  const [found] = await db
    .select({ id: model.id, name: model.name })
    .from(model)
    .where(and(eq(model.teamId, teamId), eq(model.name, name)));
  if (!found) throw new NotFound(`There is no model ${name} in this team.`);
  return found;
}

/** How long the page tells of a rollout that ended. */
const SHOWN_MS = 24 * 3_600_000;

/** The last rollout of a lane, under way or just ended; null where releases took over at once. */
export async function rolloutPage(ctx: TeamContext, input: LaneName) {
  const found = await modelByName(ctx.db, ctx.teamId, input.model);
  const key = { modelId: found.id, environment: input.environment };
  const lane = await loadLane(ctx.db, ctx.teamId, key);
  const last = await lastRollout(ctx.db, ctx.teamId, key);
  const release = lane.releases.find((r) => last && r.rollout?.id === last.id);
  const now = new Date();
  const isLongOver = last?.endedAt && now.getTime() - last.endedAt.getTime() > SHOWN_MS;
  if (!last || !release?.rollout || isLongOver) return null;
  const { rollout } = release;
  const seen = await loadSeen(ctx.db, lane, release, now);
  return {
    id: rollout.id,
    releaseId: release.id,
    revision: release.revision,
    strategy: rollout.strategy,
    phase: rollout.phase,
    step: rollout.step,
    isHeld: rollout.isHeld,
    since: rollout.since,
    bakedAt: bakedAt(rollout),
    dueAt: dueAt(rollout),
    mirrored: mirroredOf(rollout),
    startedAt: last.createdAt,
    endedAt: last.endedAt,
    fired: Firing.nullable().parse(last.fired),
    sides: sidesOf(lane, release, seen, now),
    rules: isWatched(rollout) ? readings(rollout.strategy.rules, seen, now) : [],
    shadow: rollout.strategy.kind === "shadow" ? await loadShadow(ctx.db, lane, release) : null,
  };
}

const MINUTE_MS = 60_000;
/** Requests, errors and p99 of the last minute, the new version first. */
function sidesOf(lane: Lane, release: LaneRelease, seen: Seen, now: Date) {
  const reference = referenceOf(lane, release);
  const share = release.rollout ? weightOf(release.rollout) : 0;
  const side = (of: LaneRelease, windows: readonly Window[], weight: number) => {
    const recent = windows.filter((w) => w.at.getTime() > now.getTime() - MINUTE_MS - 10_000);
    const requests = recent.reduce((sum, w) => sum + w.requests, 0);
    return {
      version: of.version.number,
      digest: of.version.digest,
      weight,
      requests,
      errors: recent.reduce((sum, w) => sum + w.errors, 0),
      p99Us: requests === 0 ? null : Math.max(...recent.filter((w) => w.requests > 0).map((w) => w.p99Us)),
    };
  };
  const candidate = side(release, seen.candidate, share);
  return reference ? [candidate, side(reference, seen.reference, 100 - share)] : [candidate];
}
