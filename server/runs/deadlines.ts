/** Deadlines of attempts: whatever the cluster forgets to say, no run stays open for ever. */
import { and, inArray, sql } from "drizzle-orm";
import { attempt } from "../../db/schema/runs";
import { desireChanged } from "../engine/service";
import { transact } from "../platform/context";
import type { Database, Transaction } from "../platform/db";
import type { AttemptState, Cause } from "./contract";
import * as lifecycle from "./lifecycle";
import * as repo from "./repo";
import { isLiveAttempt, LIVE_ATTEMPT_STATES } from "./states";

/** Longest time in a state, seconds, and what it means when it is over. */
const LIMITS: Record<(typeof LIVE_ATTEMPT_STATES)[number], { seconds: number; message: string }> = {
  placing: { seconds: 900, message: "No place was found for its workers within 15 minutes." },
  starting: { seconds: 180, message: "Its workers were placed, but did not begin within 3 minutes." },
  running: { seconds: 300, message: "Nothing was heard of it for 5 minutes." },
};
/** A stop that was asked for: the job is not desired any more, so soon nobody will speak of it. */
const STOP_SECONDS = 45;

/** Ends or retries attempts whose time is over. `fence` is the caller's lease. */
export async function expireAttempts(db: Database, fence: (tx: Transaction) => Promise<void>): Promise<void> {
  for (const { id, runId } of await lateAttempts(db)) {
    await transact({ db }, async (tx) => {
      await fence(tx);
      const run = await repo.lockRun(tx, runId);
      const current = await repo.newestAttempt(tx, runId);
      if (!run || current?.id !== id || !isLiveAttempt(current.state)) return;
      if (run.stopRequestedAt) await lifecycle.stop(tx, run, current);
      else {
        await lifecycle.retry(tx, run, current, causeOf(current.state), { next: "cluster", lastStep: null });
      }
      await desireChanged(tx, run.clusterId);
    });
  }
}

const causeOf = (state: AttemptState): Cause => ({
  kind: state === "placing" ? "placement" : "timeout",
  message: isLimited(state) ? LIMITS[state].message : "Its time was over.",
  rank: null,
  exitCode: null,
  evidence: "",
});

const isLimited = (state: AttemptState): state is keyof typeof LIMITS => state in LIMITS;

/** Live attempts past their deadline, by the database's clock. */
async function lateAttempts(db: Database): Promise<{ id: string; runId: string }[]> {
  const quiet = sql`extract(epoch from now() - greatest(${attempt.stateSince}, coalesce(${attempt.lastReportAt}, ${attempt.stateSince})))`;
  const limit = sql`case ${attempt.state} when 'placing' then ${LIMITS.placing.seconds}::int when 'starting' then ${LIMITS.starting.seconds}::int else ${LIMITS.running.seconds}::int end`;
  return db
    .select({ id: attempt.id, runId: attempt.runId })
    .from(attempt)
    .where(
      and(
        inArray(attempt.state, [...LIVE_ATTEMPT_STATES]),
        sql`(${quiet} > ${limit} or exists (
          select 1 from run where run.id = ${attempt.runId}
            and run.stop_requested_at < now() - make_interval(secs => ${STOP_SECONDS})))`,
      ),
    );
}
