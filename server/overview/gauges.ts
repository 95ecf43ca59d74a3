/** The whole installation in numbers, for its operators: one read model over all teams, no names of theirs. */
import { sql } from "drizzle-orm";
import type { Database } from "../platform/db";
import { singleton } from "../platform/singleton";
import { within } from "../platform/telemetry/readiness";
import { gauge } from "../platform/telemetry/registry";

/** Whoever scrapes more often gets the same numbers again. */
const KEEP_MS = 5_000;
const LIMIT_MS = 3_000;

interface Told {
  help: string;
  label?: string;
  /** Values of the label that are there though nothing has them: an alert can't fire on what is absent. */
  always?: readonly string[];
}

const GAUGES: Readonly<Record<string, Told>> = {
  lathe_runs: {
    help: "Runs that have not ended, by state.",
    label: "state",
    always: ["queued", "running", "paused"],
  },
  lathe_runs_ended_last_hour: {
    help: "Runs that ended within the last hour, by state.",
    label: "state",
    always: ["succeeded", "failed", "stopped"],
  },
  lathe_queue_length: { help: "Runs that wait for room." },
  lathe_queue_oldest_seconds: { help: "How long the run that waits longest for room has waited." },
  lathe_releases_preparing: { help: "Releases whose replicas are not ready yet." },
  lathe_releases_preparing_oldest_seconds: { help: "Age of the oldest release in preparation." },
  lathe_replicas: {
    help: "Replicas that shall serve, by state.",
    label: "state",
    always: ["starting", "ready", "failed"],
  },
  lathe_approvals_waiting: { help: "Promotion requests that wait for a decision." },
  lathe_cluster_heard_seconds: { help: "Since the agent of a cluster was heard.", label: "cluster" },
  lathe_cluster_silent_seconds: { help: "For how long Ray has not answered its agent.", label: "cluster" },
  lathe_cluster_nodes: { help: "Nodes of a cluster, as its agent told last.", label: "cluster" },
  lathe_uploads_open: { help: "Uploads that are not finished." },
  lathe_webhook_deliveries_due: { help: "Deliveries of webhooks that should be on their way." },
  lathe_webhook_oldest_due_seconds: { help: "For how long the oldest of them has been due." },
  lathe_webhook_lag_seconds: { help: "Age of the oldest event that webhooks have not looked at." },
};

interface Row extends Record<string, unknown> {
  name: string;
  label: string;
  value: number;
}

const age = (moment: string) => sql.raw(`coalesce(extract(epoch from now() - ${moment}), 0)::float8`);

const read = (db: Database): Promise<Row[]> =>
  db.transaction(async (tx) => {
    await tx.execute(sql`set local statement_timeout = '2s'`);
    const { rows } = await tx.execute<Row>(sql`
      select 'lathe_runs' as name, state as label, count(*)::float8 as value
        from run where state in ('queued', 'running', 'paused') group by state
      union all select 'lathe_runs_ended_last_hour', state, count(*)
        from run where state in ('succeeded', 'failed', 'stopped') and ended_at > now() - interval '1 hour' group by state
      union all select 'lathe_queue_length', '', count(*)
        from attempt where state = 'placing' and admitted_at is null
      union all select 'lathe_queue_oldest_seconds', '', ${age("min(created_at)")}
        from attempt where state = 'placing' and admitted_at is null
      union all select 'lathe_releases_preparing', '', count(*) from release where state = 'preparing'
      union all select 'lathe_releases_preparing_oldest_seconds', '', ${age("min(created_at)")}
        from release where state = 'preparing'
      union all select 'lathe_replicas', state, count(*)
        from replica where undesired_at is null and state in ('starting', 'ready', 'failed') group by state
      union all select 'lathe_approvals_waiting', '', count(*) from promotion_request where state = 'open'
      union all select 'lathe_cluster_heard_seconds', name, ${age("last_seen_at")}
        from cluster where last_seen_at is not null
      union all select 'lathe_cluster_silent_seconds', name, ${age("silent_since")} from cluster
      union all select 'lathe_cluster_nodes', name, coalesce(jsonb_array_length(observed -> 'nodes'), 0) from cluster
      union all select 'lathe_uploads_open', '', count(*) from upload where finished_at is null
      union all select 'lathe_webhook_deliveries_due', '', count(*)
        from webhook_delivery where state = 'pending' and next_at <= now()
      union all select 'lathe_webhook_oldest_due_seconds', '', ${age("min(next_at)")}
        from webhook_delivery where state = 'pending' and next_at <= now()
      union all select 'lathe_webhook_lag_seconds', '', ${age("min(late.created_at)")}
        from webhook_cursor at, lateral (
          select created_at from event
          where (xid, id) > (split_part(at.cursor, ':', 1)::xid8, split_part(at.cursor, ':', 2)::bigint)
          order by xid, id limit 1) late`);
    return rows;
  });

/**
 * Sets the gauges anew when they are older than five seconds. With the database away they are absent, not old.
 *
 * @param now `performance.now()`
 */
export async function gatherInstallation(db: Database, now = performance.now()): Promise<void> {
  const kept = singleton("installation gauges", () => ({ at: -KEEP_MS, reading: Promise.resolve() }));
  if (now - kept.at >= KEEP_MS) {
    kept.at = now;
    kept.reading = within(LIMIT_MS, read(db)).then(set, () => set(null));
  }
  await kept.reading;
}

function set(rows: readonly Row[] | null): void {
  for (const [name, { help, label, always = [] }] of Object.entries(GAUGES)) {
    const one = gauge<string>(name, help, label ? [label] : []);
    one.reset();
    if (label) for (const value of rows ? always : []) one.set({ [label]: value }, 0);
    // Without labels there is one value, and a reset makes it 0.
    else if (!rows) one.remove();
  }
  for (const { name, label, value } of rows ?? []) {
    const told = GAUGES[name];
    if (told) gauge<string>(name, told.help).set(told.label ? { [told.label]: label } : {}, value);
  }
}
