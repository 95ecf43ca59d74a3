import { type SQL, type SQLWrapper, sql } from "drizzle-orm";
import { RANKS, RISES_AFTER_HOURS } from "./queue-contract";

/** `rankOf` in SQL. @param since when it came into the queue */
export const rankSql = (priority: SQLWrapper, since: SQLWrapper): SQL<number> =>
  sql`greatest(0, case ${priority} when 'high' then ${RANKS.high}::int when 'normal' then ${RANKS.normal}::int else ${RANKS.low}::int end
    - floor(extract(epoch from now() - ${since}) / ${RISES_AFTER_HOURS * 3600}::int)::int)`;
