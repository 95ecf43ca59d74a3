/** Lists in SQL: one parameter however long they are. */
import { type SQL, sql } from "drizzle-orm";

/** For `x in (…)`: these texts. */
export const among = (values: readonly string[]): SQL =>
  sql`select value from jsonb_array_elements_text(${JSON.stringify(values)}::jsonb)`;

/** For `x in (…)`: these whole numbers. */
export const amongNumbers = (values: readonly number[]): SQL =>
  sql`select value::int from jsonb_array_elements_text(${JSON.stringify(values)}::jsonb)`;
