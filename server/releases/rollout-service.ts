/** A rollout in the hands of people: on, back, hold, abort. */
import { and, eq } from "drizzle-orm";
import type { z } from "zod";
import { release } from "../../db/schema/releases";
import { rollout } from "../../db/schema/rollouts";
import { type TeamContext, transact } from "../platform/context";
import { Conflict, NotFound } from "../platform/errors";
import { watchedOf } from "./lane";
import { loadLane, lockLane } from "./repo";
import type { AdvanceRollout, RestrainRollout } from "./rollout-contract";
import { moveRollout } from "./rollout-moves";

/**
 * Moves a rollout from where the person saw it.
 *
 * @throws Conflict when it is elsewhere by now, or the move leads nowhere from there
 */
export async function moveByHand(
  ctx: TeamContext,
  input: z.infer<typeof AdvanceRollout> | z.infer<typeof RestrainRollout>,
): Promise<void> {
  await transact(ctx, async (tx) => {
    const [found] = await tx
      .select({ modelId: rollout.modelId, environment: release.environment })
      .from(rollout)
      .innerJoin(release, eq(release.id, rollout.releaseId))
      .where(and(eq(rollout.id, input.rolloutId), eq(rollout.teamId, ctx.teamId)));
    if (!found) throw new NotFound("There is no such rollout in this team.");
    await lockLane(tx, found);
    const lane = await loadLane(tx, ctx.teamId, found);
    const current = lane.releases.find((r) => r.rollout?.id === input.rolloutId);
    const now = current?.rollout;
    if (!current || !now) throw new NotFound("The rollout's release is too long ago to be changed.");
    if (now.phase !== input.phase || now.step !== input.step || !isCurrent(lane, current)) {
      throw new Conflict(
        `The rollout of v${current.version.number} went on since you looked: it is ${now.phase}.`,
        {
          code: "rollout_elsewhere",
          remedy: "Look at where it is now, then decide again.",
        },
      );
    }
    const why = "reason" in input ? input.reason : "";
    await moveRollout(tx, lane, current, { actor: ctx.actor, move: input.move, why });
  });
}

const isCurrent = (lane: Parameters<typeof watchedOf>[0], release: { id: string; state: string }): boolean =>
  release.state === "preparing" || watchedOf(lane)?.id === release.id;
