/** Who speaks at the worker door: an attempt, or a session or replica that may only fetch blobs. */
import { eq, sql } from "drizzle-orm";
import { replica } from "../../../db/schema/releases";
import { attempt } from "../../../db/schema/runs";
import { studioSession } from "../../../db/schema/studio";
import type { Database, Db } from "../../platform/db";
import { Conflict, Forbidden, Unauthenticated } from "../../platform/errors";
import { bearer } from "../../platform/http/route";
import { singleton } from "../../platform/singleton";
import { readToken, type TokenPurpose } from "../../platform/tokens";
import { isLiveAttempt } from "../states";

export interface Owner {
  purpose: TokenPurpose;
  id: string;
  teamId: string;
}
export interface AttemptOwner extends Owner {
  purpose: "attempt";
  runId: string;
}

/** What an attempt that is over hears on every call, whatever it wanted. */
export const staleAttempt = () =>
  new Conflict("This attempt is over: nothing it says is kept any more.", {
    code: "stale_attempt",
    remedy: "Stop its processes.",
  });

/**
 * The attempt behind a request.
 *
 * @throws Unauthenticated, Forbidden for sessions and replicas, Conflict `stale_attempt` once it is over
 */
export async function attemptOf(db: Database, request: Request): Promise<AttemptOwner> {
  const token = parse(request);
  if (token.purpose !== "attempt") {
    throw new Forbidden(`A ${token.purpose} may only fetch blobs.`, { code: "blobs_only" });
  }
  const owner = await liveAttempt(db, token.id);
  await beat(db, token.id);
  return owner;
}

/** Whoever may fetch blobs. @throws as `attemptOf`; for a session or replica that is not wanted any more, too */
export async function ownerOf(db: Database, request: Request): Promise<Owner> {
  const { purpose, id } = parse(request);
  if (purpose === "attempt") return liveAttempt(db, id);
  const teamId = purpose === "session" ? await teamOfSession(db, id) : await teamOfReplica(db, id);
  if (teamId === null) throw staleAttempt();
  return { purpose, id, teamId };
}

function parse(request: Request): { purpose: TokenPurpose; id: string } {
  const given = bearer(request);
  const token = given ? readToken(given) : null;
  if (!token) throw new Unauthenticated("This token was not made here.", { code: "unknown_token" });
  return token;
}

async function liveAttempt(db: Db, id: string): Promise<AttemptOwner> {
  const [row] = await db
    .select({ teamId: attempt.teamId, runId: attempt.runId, state: attempt.state })
    .from(attempt)
    .where(eq(attempt.id, id));
  if (!row || !isLiveAttempt(row.state)) throw staleAttempt();
  return { purpose: "attempt", id, teamId: row.teamId, runId: row.runId };
}

async function teamOfSession(db: Db, id: string): Promise<string | null> {
  const [row] = await db
    .select({ teamId: studioSession.teamId, closedAt: studioSession.closedAt })
    .from(studioSession)
    .where(eq(studioSession.id, id));
  return row && row.closedAt === null ? row.teamId : null;
}

async function teamOfReplica(db: Db, id: string): Promise<string | null> {
  const [row] = await db
    .select({ teamId: replica.teamId, undesiredAt: replica.undesiredAt })
    .from(replica)
    .where(eq(replica.id, id));
  return row && row.undesiredAt === null ? row.teamId : null;
}

const BEAT_MS = 2_000;
const beats = () => singleton("runs.beats", () => new Map<string, number>());

/** Notes that an attempt was heard of, at most every 2 s a process: ingestion must not rewrite its row each time. */
async function beat(db: Db, attemptId: string): Promise<void> {
  const now = performance.now();
  if (now - (beats().get(attemptId) ?? Number.NEGATIVE_INFINITY) < BEAT_MS) return;
  if (beats().size > 10_000) beats().clear();
  beats().set(attemptId, now);
  await db.update(attempt).set({ lastReportAt: sql`now()` }).where(eq(attempt.id, attemptId));
}
