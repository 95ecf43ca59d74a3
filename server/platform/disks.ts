/** The disks that this host's part of the console writes to, and how fast they fill. */
import { stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { config } from "./config";
import { log } from "./log";
import { singleton } from "./singleton";

export interface DiskSample {
  /** Unix milliseconds. */
  at: number;
  usedBytes: number;
}
export interface ConsoleDisk {
  name: string;
  usedBytes: number;
  sizeBytes: number;
  bytesPerHour: number | null;
}

const HOUR_MS = 3_600_000;
const KEEP_MS = 6 * HOUR_MS;
const EVERY_MS = 60_000;

/**
 * The slower of the rates of the last hour and of all that is known, up to six hours, so that one large file is no trend
 * and neither is what was written before noon. Null before an hour is known.
 */
export function fillRate(samples: readonly DiskSample[]): number | null {
  const sorted = samples.toSorted((a, b) => a.at - b.at);
  const [oldest] = sorted;
  const newest = sorted.at(-1);
  const hourAgo = newest && sorted.findLast(({ at }) => at <= newest.at - HOUR_MS);
  if (!oldest || !newest || !hourAgo) return null;
  const since = ({ at, usedBytes }: DiskSample) =>
    ((newest.usedBytes - usedBytes) / (newest.at - at)) * HOUR_MS;
  return Math.min(since(hourAgo), since(oldest));
}

/** What lies where, below the data folder; a database elsewhere is watched by whoever runs it. */
const PARTS = { blobs: "the console’s files", postgres: "the console’s database" };

/** Disks by their device: what lies on one disk is told once. */
async function look(): Promise<Map<number, Omit<ConsoleDisk, "bytesPerHour">>> {
  const disks = new Map<number, Omit<ConsoleDisk, "bytesPerHour">>();
  for (const [folder, name] of Object.entries(PARTS)) {
    const path = join(config().home, folder);
    const found = await stat(path).catch(() => null);
    if (!found) continue;
    const { bavail, bfree, blocks, bsize } = await statfs(path);
    const usedBytes = (blocks - bfree) * bsize;
    const before = disks.get(found.dev);
    disks.set(found.dev, {
      name: before ? "the console" : name,
      usedBytes,
      // What only root may fill is not there for us.
      sizeBytes: usedBytes + bavail * bsize,
    });
  }
  return disks;
}

const watched = () =>
  singleton("console disks", () => ({
    disks: [] as ConsoleDisk[],
    samples: new Map<number, DiskSample[]>(),
  }));

/** Looks once a minute until the signal. Who never calls this knows of no disk. */
export function watchDisks(signal: AbortSignal): void {
  const state = watched();
  const once = async () => {
    const at = Date.now();
    const disks = await look();
    state.disks = [...disks].map(([device, disk]) => {
      const samples = (state.samples.get(device) ?? []).filter((sample) => sample.at >= at - KEEP_MS);
      samples.push({ at, usedBytes: disk.usedBytes });
      state.samples.set(device, samples);
      return { ...disk, bytesPerHour: fillRate(samples) };
    });
  };
  const timer = setInterval(() => void tried(), EVERY_MS);
  timer.unref();
  signal.addEventListener("abort", () => clearInterval(timer));
  const tried = () =>
    once().catch((error: unknown) => log().warn({ err: error }, "a disk can't be looked at"));
  void tried();
}

/** As they were seen last. */
export const consoleDisks = (): readonly ConsoleDisk[] => watched().disks;
