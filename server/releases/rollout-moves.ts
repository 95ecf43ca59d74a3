/** Does what a rollout's state machine says: state, route table, event and audit entry in one transaction. */
import { and, eq, inArray, sql } from "drizzle-orm";
import { rollout } from "../../db/schema/rollouts";
import { record } from "../audit/service";
import { laneName } from "../gateway/contract";
import type { Actor } from "../platform/context";
import type { Transaction } from "../platform/db";
import { Conflict } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import type { Lane, LaneRelease } from "./lane";
import { servingOf } from "./lane";
import { publishRoute, setRelease } from "./repo";
import { begun, isLive, moved, type Position, type Rollout, weightOf } from "./rollout";
import type { Firing, Move, Strategy } from "./rollout-contract";
import { strategyInWords } from "./rollout-contract";
import { isRouted, laneAfter, routeOf, servedBy, wantedRouting } from "./routing";

/** Plans the way of a release that is about to be prepared; one that takes over at once needs none. */
export async function planRollout(
  tx: Transaction,
  release: { teamId: string; modelId: string; releaseId: string },
  strategy: Strategy,
): Promise<void> {
  if (strategy.kind === "at_once") return;
  await tx.insert(rollout).values({ id: newId("rol"), ...release, strategy, phase: "preparing" });
}

/** Ends what is under way of these releases, because something else serves now. */
export async function endRollouts(
  tx: Transaction,
  teamId: string,
  releases: readonly LaneRelease[],
  phase: "done" | "aborted",
): Promise<void> {
  const ids = releases.flatMap((r) => (r.rollout && isLive(r.rollout) ? [r.rollout.id] : []));
  if (ids.length === 0) return;
  await tx
    .update(rollout)
    .set({ phase, endedAt: sql`now()` })
    .where(and(eq(rollout.teamId, teamId), inArray(rollout.id, ids)));
}

/** First requests reach a release whose replicas are ready. */
export function beginRollout(tx: Transaction, lane: Lane, release: LaneRelease, actor: Actor): Promise<void> {
  return goTo(tx, lane, release, begun(rolloutOf(release).strategy), { actor, move: "begin", why: "" });
}

/** @throws Conflict when the move leads nowhere from where the rollout is, or its version has no ready replica */
export async function moveRollout(
  tx: Transaction,
  lane: Lane,
  release: LaneRelease,
  by: { actor: Actor; move: Move; why?: string; fired?: Firing },
): Promise<void> {
  const position = moved(rolloutOf(release), by.move);
  if (!position) {
    throw new Conflict(
      `The rollout of v${release.version.number} is ${rolloutOf(release).phase}: ${NOWHERE[by.move]}`,
      {
        code: "rollout_elsewhere",
        remedy: "Look at where it is now, then decide again.",
      },
    );
  }
  await goTo(tx, lane, release, position, { why: "", ...by });
}

const NOWHERE: Record<Move, string> = {
  next: "there is no next step.",
  back: "there is no step before; abort it instead.",
  hold: "there is nothing to hold.",
  resume: "it is not held.",
  abort: "it can't be aborted any more; roll back instead.",
};

function rolloutOf({ rollout: found, version }: LaneRelease): Rollout {
  if (!found) throw new Error(`v${version.number} is not rolled out in steps`);
  return found;
}

async function goTo(
  tx: Transaction,
  lane: Lane,
  release: LaneRelease,
  to: Position,
  by: { actor: Actor; move: Move | "begin"; why: string; fired?: Firing },
): Promise<void> {
  const from = rolloutOf(release);
  const serving = servingOf(lane);
  const after = laneAfter(lane, release, to);
  const routing = wantedRouting(after);
  if (!routing && serving) {
    throw new Conflict(`v${release.version.number} has no ready replica, so no traffic moves to it.`, {
      code: "target_not_warm",
      remedy: "Wait until its replica is ready, or abort the rollout.",
    });
  }
  const summary = wordsOf(lane, release, from, to, by);
  const routeRevision =
    routing && !isRouted(lane, routing)
      ? await publishRoute(tx, routeOf(after, routing), `revision ${release.revision}: ${summary}`)
      : null;
  await setStates(tx, lane, release, after, { to, why: by.why || summary, routeRevision });
  const isOver = to.phase === "done" || to.phase === "aborted";
  await tx
    .update(rollout)
    .set({
      phase: to.phase,
      step: to.step,
      isHeld: to.isHeld,
      ...(by.move !== "hold" && { since: sql`now()` }),
      ...(isOver && { endedAt: sql`now()` }),
      ...(by.fired && { fired: by.fired }),
    })
    .where(and(eq(rollout.id, from.id), eq(rollout.teamId, lane.teamId)));
  await record(
    tx,
    { teamId: lane.teamId, actor: by.actor, requestId: newId("req") },
    {
      action: ACTIONS[to.phase === "baking" ? "serve" : by.move],
      target: { kind: "release", id: release.id },
      summary,
      before: { phase: from.phase, percent: weightOf(from) },
      after: {
        ...servedBy(release),
        phase: to.phase,
        percent: weightOf({ ...from, ...to }),
        ...(by.fired && { rule: by.fired }),
      },
    },
  );
  await emit(tx, { teamId: lane.teamId, topic: "releases", key: lane.modelId });
}

const ACTIONS = {
  begin: "rollout.began",
  next: "rollout.advanced",
  back: "rollout.stepped_back",
  hold: "rollout.held",
  resume: "rollout.resumed",
  abort: "rollout.aborted",
  serve: "release.served",
} as const;

async function setStates(
  tx: Transaction,
  lane: Lane,
  release: LaneRelease,
  after: Lane,
  { to, why, routeRevision }: { to: Position; why: string; routeRevision: number | null },
): Promise<void> {
  const state = after.releases.find((r) => r.id === release.id)?.state;
  if (!state || state === release.state) return;
  const serving = servingOf(lane);
  if (state === "serving" && serving)
    await setRelease(tx, lane.teamId, [serving.id], { state: "replaced", isReplacedNow: true });
  await setRelease(tx, lane.teamId, [release.id], {
    state,
    message: to.phase === "aborted" ? why : "",
    ...(routeRevision !== null && state === "serving" && { routeRevision, isServingNow: true }),
  });
}

function wordsOf(
  lane: Lane,
  release: LaneRelease,
  from: Rollout,
  to: Position,
  { move, why }: { move: Move | "begin"; why: string },
): string {
  const name = `${laneName(lane.modelName, lane.environment)} v${release.version.number}`;
  const percent = weightOf({ ...from, ...to });
  const because = why ? `: ${why}` : "";
  if (to.phase === "aborted") return `Ended the rollout of ${name}${because}`;
  if (from.phase === "baking") return `${name} was watched for as long as was agreed`;
  if (percent === 100)
    return `${lane.modelName} v${release.version.number} serves ${lane.environment}, revision ${release.revision}`;
  if (move === "begin") return `Began the rollout of ${name}: ${strategyInWords(from.strategy)}`;
  if (move === "hold") return `Held the rollout of ${name}${because}`;
  if (move === "resume") return `Let the rollout of ${name} go on`;
  return `${move === "back" ? "Took" : "Brought"} ${name} to ${percent}% of the requests${because}`;
}
