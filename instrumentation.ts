/** Runs once when the web process starts: a wrong configuration stops it here, before anything is served. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME !== "nodejs") return;
  const { config } = await import("./server/platform/config");
  const { shutdown } = await import("./server/platform/shutdown");
  const { measureRequests } = await import("./server/platform/telemetry/requests");
  const { watchDisks } = await import("./server/platform/disks");
  config();
  measureRequests();
  watchDisks(shutdown());
}
