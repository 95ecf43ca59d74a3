/**
 * The one place where an event becomes a change of the cache: each topic names the procedures that read what it
 * tells of. A query is read again when its path starts with one of these.
 */
export const READS: Record<string, readonly string[]> = {
  models: ["models", "studio.mergePartners"],
  datasets: ["datasets"],
  runs: ["runs", "training", "overview", "cluster.waiting"],
  // What a session measures of the version itself has no part in its events: it is asked for while it grows.
  studio: ["studio.session", "studio.history", "studio.commitProgress"],
  releases: ["releases", "overview"],
  // All but the replay: what was does not change with what is.
  cluster: [
    ...["cluster.overview", "cluster.readings", "cluster.capacity", "cluster.usage", "cluster.waiting"],
    ...["cluster.ledger", "cluster.decision", "cluster.node", "cluster.takeOutPreview"],
    "overview.page",
  ],
  cost: ["cost", "overview.page", "cluster.overview"],
  members: ["identity"],
  alerts: ["alerts", "overview"],
  audit: ["audit", "overview.page"],
  hooks: ["hooks"],
};

/** The beginnings of the paths whose queries an event makes stale. */
export const staleReads = (topic: string): readonly string[] => READS[topic] ?? [];

/** Whether a query of this path, such as `["models", "page"]`, begins with one of these. */
export const isRead = (path: readonly unknown[], reads: Iterable<string>): boolean => {
  const whole = path.join(".");
  for (const read of reads) if (whole === read || whole.startsWith(`${read}.`)) return true;
  return false;
};
