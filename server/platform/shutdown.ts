import { singleton } from "./singleton";

/**
 * Aborts when the process is told to stop. Live streams must end then: a server waits for open connections, and one
 * with a tab watching would never exit.
 */
export const shutdown = (): AbortSignal =>
  singleton("shutdown", () => {
    const controller = new AbortController();
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => controller.abort());
    return controller.signal;
  });
