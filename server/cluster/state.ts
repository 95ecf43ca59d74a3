/** Whether what is shown of a cluster is so, and how many nodes are in which state. Pure. */
import { ObservedNode } from "../engine/contract";
import { AWAY_SECONDS } from "../engine/service";

/** What of a node is promised to work, and what it is, of what was observed of it. */
export function allotted(seen: unknown) {
  const { cpusUsed, gpusUsed, gpuModel, gpuMemoryBytes, diskBytes, address, cordoned, labels } =
    ObservedNode.parse(seen);
  return { cpusUsed, gpusUsed, gpuModel, gpuMemoryBytes, diskBytes, address, cordoned, labels };
}

export interface Health {
  /** `away`: what is shown is as it was when it was last heard. */
  agent: "never" | "heard" | "away";
  /** `silent`: Ray does not answer the agent, so nothing is known of the nodes since. */
  ray: "answers" | "silent";
  silentSince: Date | null;
  message: string | null;
  /** Values that could not be true and were dropped, ever. */
  dropped: number;
}

export function healthOf(
  cluster:
    | {
        lastSeenAt: Date | null;
        silentSince: Date | null;
        silence: string | null;
        droppedReadings: number;
      }
    | undefined,
  now: number,
): Health {
  const heard = cluster?.lastSeenAt ?? null;
  return {
    agent: heard === null ? "never" : now - heard.getTime() > AWAY_SECONDS * 1000 ? "away" : "heard",
    ray: cluster?.silentSince ? "silent" : "answers",
    silentSince: cluster?.silentSince ?? null,
    message: cluster?.silence ?? null,
    dropped: cluster?.droppedReadings ?? 0,
  };
}

export interface Counts {
  /** Nodes that are up: the sum of the three. */
  up: number;
  active: number;
  idle: number;
  draining: number;
  /** Launches under way, and those that failed. */
  starting: number;
  failed: number;
}

export function countsOf(
  nodes: readonly { state: string }[],
  pending: readonly { count: number }[],
  failed: readonly { count: number }[],
): Counts {
  const of = (state: string) => nodes.filter((node) => node.state === state).length;
  const sum = (all: readonly { count: number }[]) => all.reduce((total, { count }) => total + count, 0);
  const [active, idle, draining] = [of("active"), of("idle"), of("draining")];
  return {
    ...{ up: active + idle + draining, active, idle, draining },
    ...{ starting: sum(pending), failed: sum(failed) },
  };
}
