/** The controller: takes the lease, then runs every task of the slices on its period until it is told to stop. */
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import "../wiring";
import { DatabaseOutage, tellOutage, watchTeams } from "../alerts/service";
import { followSchedules, rollUpUsage } from "../cluster/service";
import { bookSpend } from "../cost/service";
import { ensureLocalCluster } from "../engine/service";
import { runHooks } from "../hooks/service";
import { DatabaseClock } from "../platform/clock";
import { config } from "../platform/config";
import { transact } from "../platform/context";
import { connection, databaseTime, pool } from "../platform/db";
import { watchDisks } from "../platform/disks";
import { fence, giveBackLease, type Lease, takeLease } from "../platform/lease";
import { dropOldEvents } from "../platform/live/outbox";
import { log } from "../platform/log";
import { shutdown } from "../platform/shutdown";
import { listenForOperators } from "../platform/telemetry/listener";
import { databaseAnswers, migrationsApplied } from "../platform/telemetry/readiness";
import { removeAbandoned } from "../platform/uploads/service";
import {
  drillDue,
  dropOldWakes,
  dropOldWindows,
  judgeStale,
  reconcileReleases,
  releaseUnopposed,
} from "../releases/service";
import { stopOverspent } from "../runs/budget";
import { compactPoints } from "../runs/points/compact";
import { admitWaiting, expireAttempts, growRunning, moveFromDraining } from "../runs/service";
import { closeIdleSessions } from "../studio/reconcile";
import { leading, pass, tellLease, tellNoLease } from "./passes";

interface Task {
  name: string;
  everyMs: number;
  run(lease: Lease): Promise<void>;
}

const { db } = connection("controller");
const clock = new DatabaseClock(() => databaseTime(db));
const outages = new DatabaseOutage();
const TASKS: readonly Task[] = [
  {
    name: "releases",
    everyMs: 500,
    run: (lease) =>
      reconcileReleases(
        db,
        (tx) => fence(tx, lease),
        () => new Date(clock.now()),
      ),
  },
  { name: "drills", everyMs: 60_000, run: () => drillDue(db) },
  { name: "staging", everyMs: 500, run: (lease) => releaseUnopposed(db, (tx) => fence(tx, lease)) },
  { name: "policies", everyMs: 10_000, run: (lease) => judgeStale(db, (tx) => fence(tx, lease)) },
  {
    name: "alerts",
    everyMs: 5_000,
    run: async (lease) => {
      await tellOutage(db, outages, (tx) => fence(tx, lease));
      await watchTeams(db, (tx) => fence(tx, lease));
    },
  },
  { name: "webhooks", everyMs: 1_000, run: (lease) => runHooks(db, (tx) => fence(tx, lease)) },
  { name: "queue", everyMs: 500, run: (lease) => admitWaiting(db, (tx) => fence(tx, lease)) },
  { name: "growth", everyMs: 2_000, run: (lease) => growRunning(db, (tx) => fence(tx, lease)) },
  { name: "moves", everyMs: 1_000, run: (lease) => moveFromDraining(db, (tx) => fence(tx, lease)) },
  { name: "pools", everyMs: 5_000, run: (lease) => followSchedules(db, (tx) => fence(tx, lease)) },
  { name: "usage", everyMs: 600_000, run: () => rollUpUsage(db) },
  { name: "spend", everyMs: 30_000, run: (lease) => bookSpend(db, (tx) => fence(tx, lease)) },
  { name: "budgets", everyMs: 2_000, run: (lease) => stopOverspent(db, (tx) => fence(tx, lease)) },
  { name: "attempts", everyMs: 2_000, run: (lease) => expireAttempts(db, (tx) => fence(tx, lease)) },
  { name: "sessions", everyMs: 5_000, run: () => closeIdleSessions(db) },
  { name: "uploads", everyMs: 600_000, run: (lease) => removeAbandoned(db, (tx) => fence(tx, lease)) },
  {
    name: "points",
    everyMs: 600_000,
    run: (lease) => compactPoints(db, (tx) => fence(tx, lease), config().keepRawPointsDays),
  },
  {
    name: "events",
    everyMs: 600_000,
    run: (lease) =>
      transact({ db }, async (tx) => {
        await fence(tx, lease);
        await dropOldEvents(tx);
        await dropOldWindows(tx);
        await dropOldWakes(tx);
      }),
  },
];

const LEASE = "controller";
const RENEW_MS = 3_000;
const holder = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
const stopped = shutdown();
// Each task listens while it pauses, and so do the lease, the clock and the watch of the disks.
setMaxListeners(TASKS.length + 3, stopped);
let lease: Lease | null = null;

/** Waits, or until the process is told to stop. */
const pause = (ms: number): Promise<void> => delay(ms, undefined, { signal: stopped }).catch(() => {});

async function keepLease(): Promise<void> {
  while (!stopped.aborted) {
    try {
      const askedAt = performance.now();
      const taken = await takeLease(db, LEASE, holder);
      outages.answered(performance.now(), askedAt);
      if (taken?.epoch !== lease?.epoch)
        log().info({ epoch: taken?.epoch }, taken ? "leading" : "standing by");
      lease = taken;
      tellLease(lease);
    } catch (error) {
      lease = null;
      outages.missed(performance.now());
      tellNoLease();
      log().warn({ err: error }, "the lease could not be renewed");
    }
    await pause(RENEW_MS);
  }
}

async function keepRunning(task: Task): Promise<void> {
  while (!stopped.aborted) {
    if (lease) {
      const held = lease;
      await pass(task.name, () => task.run(held)).catch((error: unknown) =>
        log().warn({ err: error, task: task.name }, "a task failed"),
      );
    }
    await pause(task.everyMs);
  }
}

log().info({ home: config().home }, "controller started");
const operators = await listenForOperators(config().controllerPort, [
  databaseAnswers,
  migrationsApplied,
  leading,
]);
await ensureLocalCluster(db);
watchDisks(stopped);
await Promise.all([clock.follow(stopped), keepLease(), ...TASKS.map(keepRunning)]);
if (lease) await giveBackLease(db, lease).catch(() => {});
operators?.close();
await pool().end();
process.exit(0);
