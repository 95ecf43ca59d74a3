/**
 * Deadlines of attempts: whatever the cluster forgets to say, no run stays open for ever. A deadline counts only while
 * the agent is heard: without it nothing is placed, and when it was the console that could not be reached, workers
 * were not heard either. Expiring them would spend attempts on an outage. Waiting in the queue has no deadline either:
 * people stop what they won't wait for.
 */
import { and, eq, inArray, isNotNull, sql } from "drizzle-orm";
import { attempt, run } from "../../db/schema/runs";
import { agentSeenFor, desireChanged } from "../engine/service";
import { transact } from "../platform/context";
import type { Database, Transaction } from "../platform/db";
import type { Cause } from "./contract";
import * as lifecycle from "./lifecycle";
import * as repo from "./repo";
import { isLeaving, LIVE_ATTEMPT_STATES } from "./states";

type LiveState = (typeof LIVE_ATTEMPT_STATES)[number];

/** Longest time in a state, seconds, and what it means when it is over. */
const LIMITS: Record<LiveState, { seconds: number; message: string }> = {
  placing: { seconds: 900, message: "No place was found for its workers within 15 minutes." },
  starting: { seconds: 180, message: "Its workers were placed, but did not begin within 3 minutes." },
  running: { seconds: 300, message: "Nothing was heard of it for 5 minutes." },
};
/** A stop, a pause or growth that was asked for: the job is not desired any more, so soon nobody will speak of it. */
const STOP_SECONDS = 45;

/** Ends or retries attempts whose time is over. `fence` is the caller's lease. */
export async function expireAttempts(db: Database, fence: (tx: Transaction) => Promise<void>): Promise<void> {
  for (const { id, runId, clusterId, state, isStopping } of await lateAttempts(db)) {
    if (!isStopping && (await agentSeenFor(db, clusterId)) < LIMITS[state].seconds) continue;
    await transact({ db }, async (tx) => {
      await fence(tx);
      const run = await repo.lockRun(tx, runId);
      const current = await repo.newestAttempt(tx, runId);
      if (!run || current?.id !== id || current.state !== state) return;
      if (isLeaving(run)) await lifecycle.leave(tx, run, current);
      else await lifecycle.retry(tx, run, current, causeOf(state), { next: "cluster", lastStep: null });
      await desireChanged(tx, run.clusterId);
    });
  }
}

const causeOf = (state: LiveState): Cause => ({
  kind: state === "placing" ? "placement" : "timeout",
  message: LIMITS[state].message,
  rank: null,
  exitCode: null,
  evidence: "",
});

/** Live attempts past their deadline, by the database's clock. */
async function lateAttempts(db: Database) {
  const quiet = sql`extract(epoch from now() - greatest(${attempt.stateSince}, ${attempt.admittedAt}, ${attempt.lastReportAt}))`;
  const limit = sql`case ${attempt.state} when 'placing' then ${LIMITS.placing.seconds}::int when 'starting' then ${LIMITS.starting.seconds}::int else ${LIMITS.running.seconds}::int end`;
  const isStopping = sql<boolean>`coalesce(coalesce(${run.stopRequestedAt}, ${run.pauseRequestedAt}, ${run.growRequestedAt}) < now() - make_interval(secs => ${STOP_SECONDS}), false)`;
  const state = sql<LiveState>`${attempt.state}`;
  return db
    .select({ id: attempt.id, runId: run.id, clusterId: run.clusterId, state, isStopping })
    .from(attempt)
    .innerJoin(run, eq(run.id, attempt.runId))
    .where(
      and(
        inArray(attempt.state, [...LIVE_ATTEMPT_STATES]),
        isNotNull(attempt.admittedAt),
        sql`(${quiet} > ${limit} or ${isStopping})`,
      ),
    );
}
