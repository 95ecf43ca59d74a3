/** Columns that many tables share. */
import { sql } from "drizzle-orm";
import { customType, text, timestamp } from "drizzle-orm/pg-core";

/** Order and time that matter come from the database. */
export const createdAt = () => timestamp("created_at", { withTimezone: true }).notNull().defaultNow();
export const moment = (name: string) => timestamp(name, { withTimezone: true });
export const id = () => text("id").primaryKey();

/** A transaction id that never wraps; read as text, compared in SQL. */
export const xid8 = customType<{ data: string }>({ dataType: () => "xid8" });
export const currentXid = sql`pg_current_xact_id()`;

export const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });
