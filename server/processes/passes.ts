/** What operators see of the controller: who leads, and how each task's passes go. */
import type { Lease } from "../platform/lease";
import { singleton } from "../platform/singleton";
import type { Check } from "../platform/telemetry/readiness";
import { counter, gauge, histogram } from "../platform/telemetry/registry";

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** The lease lasts this long: who has not heard of it since does not know who leads. */
const LEASE_MS = 10_000;

const metrics = () =>
  singleton("controller metrics", () => ({
    leads: gauge("lathe_controller_leading", "1 for the controller that holds the lease."),
    epoch: gauge("lathe_controller_lease_epoch", "Epoch of the lease that it held last."),
    passes: counter("lathe_controller_passes_total", "Passes by task.", ["task"]),
    failures: counter("lathe_controller_failures_total", "Passes that failed, by task.", ["task"]),
    succeededAt: gauge(
      "lathe_controller_last_success_timestamp_seconds",
      "When a pass last succeeded, Unix time.",
      ["task"],
    ),
    seconds: histogram("lathe_controller_pass_seconds", "How long a pass takes, by task.", {
      labelNames: ["task"],
      buckets: BUCKETS,
    }),
    lease: { toldAt: -LEASE_MS },
  }));

/** The lease was looked at: null when another leads. */
export function tellLease(lease: Lease | null): void {
  const { leads, epoch, lease: looked } = metrics();
  leads.set(lease ? 1 : 0);
  if (lease) epoch.set(lease.epoch);
  looked.toldAt = performance.now();
}

/** The lease could not be looked at: it leads no more, and does not know who does. */
export const tellNoLease = (): void => metrics().leads.set(0);

/** Leading or standing by: both are fine, not to know is not. */
export const leading: Check = {
  name: "lease",
  look: async () => {
    const silentMs = performance.now() - metrics().lease.toldAt;
    return silentMs < LEASE_MS ? null : `it was last looked at ${Math.round(silentMs / 1000)} s ago`;
  },
};

/** One pass of a task, counted. @throws whatever it throws */
export async function pass(task: string, run: () => Promise<void>): Promise<void> {
  const { passes, failures, seconds, succeededAt } = metrics();
  const end = seconds.startTimer({ task });
  passes.inc({ task });
  failures.inc({ task }, 0);
  try {
    await run();
    succeededAt.set({ task }, Date.now() / 1000);
  } catch (error) {
    failures.inc({ task });
    throw error;
  } finally {
    end();
  }
}
