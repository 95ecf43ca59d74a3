/** Columns that many tables share. */
import { sql } from "drizzle-orm";
import { customType, text, timestamp } from "drizzle-orm/pg-core";

/** Order and time that matter come from the database. */
export const createdAt = () => timestamp("created_at", { withTimezone: true }).notNull().defaultNow();
export const moment = (name: string) => timestamp(name, { withTimezone: true });
/** Which of a model's two lanes a row belongs to. */
export const environment = () => text("environment", { enum: ["staging", "production"] }).notNull();
/** The same in tables that are older than staging: what they held was production's. */
export const laterEnvironment = () => environment().default("production");
export const id = () => text("id").primaryKey();

/** A transaction id that never wraps; read as text, compared in SQL. */
export const xid8 = customType<{ data: string }>({ dataType: () => "xid8" });
export const currentXid = sql`pg_current_xact_id()`;

export const bytea = customType<{ data: Buffer }>({ dataType: () => "bytea" });
