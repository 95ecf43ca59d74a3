import { sql } from "drizzle-orm";
import { vi } from "vitest";
import type { Db } from "../db";

/** Waits until somebody in this database waits for a lock: one of two has its turn, the other has come. */
export const untilSomebodyWaits = (db: Db): Promise<void> =>
  vi.waitFor(
    async () => {
      const { rows } = await db.execute(
        sql`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      if (rows.length === 0) throw new Error("nobody waits for a lock");
    },
    { timeout: 10_000, interval: 10 },
  );
