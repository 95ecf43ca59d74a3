/**
 * The one place where an event becomes a change of the cache: each topic names the procedures that read what it
 * tells of. A query is read again when its path starts with one of these.
 */
export const READS: Record<string, readonly string[]> = {
  models: ["models", "studio"],
  datasets: ["datasets"],
  runs: ["runs", "training", "overview"],
  studio: ["studio"],
  releases: ["releases", "overview"],
  cluster: ["cluster"],
  members: ["identity"],
  audit: ["audit"],
};

/** The slices whose queries an event makes stale. */
export const staleSlices = (topic: string): readonly string[] => READS[topic] ?? [];
