/** What is wrong with what everything runs on: disks that fill, a cluster at its limit, ranks that lag. Pure. */
import { STARTERS, type StarterLimits } from "../alerts/starter-contract";
import type { Problem } from "./problems";

export interface ClusterFacts {
  disks: readonly DiskFacts[];
  /** What waits although nothing more may start, the oldest first. */
  limit: readonly { id: string; label: string; path: string; why: string; since: Date }[];
  /** Trainings of several ranks that run: compute time of each rank's last steps, ms. */
  rankTimes: readonly { run: number; title: string; ranks: readonly { rank: number; ms: number }[] }[];
}
export interface DiskFacts {
  /** A node's id, or a part of the console's own. */
  id: string;
  name: string;
  path: string;
  usedBytes: number;
  sizeBytes: number;
  /** At which it filled lately; null where too little is known. */
  bytesPerHour: number | null;
}

/** A disk that fills faster than a day is bad once it is nearly full; before that there is time. */
const BAD_SHARE = 0.97;

export function ofDisks(disks: ClusterFacts["disks"], { percent, hours }: StarterLimits["disk"]): Problem[] {
  return disks.flatMap((disk): Problem[] => {
    const { id, name, path, usedBytes, sizeBytes, bytesPerHour } = disk;
    if (sizeBytes <= 0) return [];
    const share = usedBytes / sizeBytes;
    const hoursLeft =
      bytesPerHour !== null && bytesPerHour > 0 ? (sizeBytes - usedBytes) / bytesPerHour : null;
    const isSoon = hoursLeft !== null && hoursLeft <= hours;
    if (share * 100 < percent && !isSoon) return [];
    const full = `${Math.floor(share * 100)}% full`;
    return [
      {
        key: `disk:${id}`,
        about: `${name} (${Math.floor(share * 100)}%)`,
        severity: share >= BAD_SHARE ? "bad" : "warning",
        place: "Disk",
        title:
          isSoon && hoursLeft !== null
            ? `The disk of ${name} is full in ${hoursSay(hoursLeft)}`
            : `The disk of ${name} is ${full}`,
        detail: `${gigabytes(usedBytes)} of ${gigabytes(sizeBytes)} are used, ${full}${
          bytesPerHour !== null && bytesPerHour > 0 ? `; it fills at ${gigabytes(bytesPerHour)} an hour` : ""
        }. What can't be written is lost: checkpoints, uploads, the database.`,
        since: null,
        path,
        action: "Open it",
        modelId: null,
        many: { says: STARTERS.disk.many, path: "/cluster" },
        holdSeconds: 60,
      },
    ];
  });
}

export function ofLimit(
  waiting: ClusterFacts["limit"],
  now: Date,
  { minutes }: StarterLimits["limit"],
): Problem[] {
  return waiting
    .filter(({ since }) => now.getTime() - since.getTime() >= minutes * 60_000)
    .map(({ id, label, path, why, since }) => ({
      key: `limit:${id}`,
      about: label,
      severity: "warning",
      place: "Cluster at its limit",
      title: `The cluster is at its limit: ${label} waits`,
      detail: why,
      since,
      path: path || "/cluster",
      action: "Open it",
      modelId: null,
      many: { says: STARTERS.limit.many, path: "/cluster" },
      holdSeconds: 0,
    }));
}

export function ofLaggards(
  trainings: ClusterFacts["rankTimes"],
  { factor, minutes }: StarterLimits["lag"],
): Problem[] {
  return trainings.flatMap(({ run, title, ranks }): Problem[] => {
    const slowest = ranks.reduce((a, b) => (b.ms > a.ms ? b : a), { rank: -1, ms: 0 });
    const others = ranks.filter(({ rank }) => rank !== slowest.rank).map(({ ms }) => ms);
    const median = others.toSorted((a, b) => a - b)[Math.floor((others.length - 1) / 2)];
    if (median === undefined || median <= 0 || slowest.ms < factor * median) return [];
    return [
      {
        key: `lag:${run}`,
        about: `run ${run}`,
        severity: "warning",
        place: "Runs",
        title: `Run ${run}: rank ${slowest.rank} takes ${(slowest.ms / median).toFixed(1)} times as long as the others`,
        detail: `${title}: a step computes ${Math.round(slowest.ms)} ms there and ${Math.round(median)} ms elsewhere; every rank waits for it.`,
        since: null,
        path: `/training/${run}`,
        action: "Open the run",
        modelId: null,
        many: { says: STARTERS.lag.many, path: "/training" },
        holdSeconds: minutes * 60,
      },
    ];
  });
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toPrecision(3)} GB`;
const hoursSay = (hours: number) => (hours < 1 ? `${Math.ceil(hours * 60)} min` : `${Math.round(hours)} h`);
