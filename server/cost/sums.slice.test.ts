/** Whatever is booked, and in whatever order, what is summed up says what the books say. */
import { sql } from "drizzle-orm";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { TeamContext } from "../platform/context";
import { testConsole } from "../platform/testing/console";
import { makeTeam } from "../runs/testing";
import { writeDay } from "./book";
import type { Share } from "./divide";
import { monthSpan } from "./month";
import * as repo from "./repo";

const connection = testConsole();
const MONTHS = ["2026-02", "2026-03"].map(monthSpan);
const DAYS = ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02", "2026-03-31"];
const BY_NAME = { by: "pool", sort: "name", order: "asc", offset: 0, limit: 9 } as const;

/** "" is what idled. */
const KINDS: Record<string, string> = { run_a: "train", run_b: "train", run_c: "script", "": "idle" };
const amount = fc.integer({ min: 0, max: 1e12 });
const BOOKING = fc.record({
  day: fc.constantFrom(...DAYS),
  shares: fc.uniqueArray(
    fc.record({
      pool: fc.constantFrom("cpu-2", "cpu-10"),
      work: fc.constantFrom(...Object.keys(KINDS)),
      ...{ micros: amount, nodeMs: amount, unpricedMs: amount },
    }),
    { selector: ({ pool, work }) => `${pool} ${work}` },
  ),
});

/** As the books say it, row by row. */
async function plain({ teamId }: TeamContext, { from, until }: (typeof MONTHS)[number]) {
  const days = sql`day >= to_timestamp(${from / 1000}::float8) at time zone 'UTC'
    and day < to_timestamp(${until / 1000}::float8) at time zone 'UTC'`;
  const { rows } = await connection.db.execute<Record<string, number | string>>(sql`
    select pool as id, sum(micros)::text as micros, sum(node_ms)::text as "nodeMs", sum(unpriced_ms)::text as "unpricedMs",
      count(distinct (kind, work))::int as works
    from spend where team_id = ${teamId} and ${days} group by pool order by pool = 'cpu-10'`);
  const { rows: whole } = await connection.db.execute<Record<string, number | string>>(sql`
    select pool, sum(micros) filter (where team_id = ${teamId})::text as own, sum(micros) filter (where team_id = '')::text as idle
    from spend where ${days} group by pool order by pool = 'cpu-10'`);
  return { rows, whole };
}

const millionths = (dollars: number) => String(Math.round(dollars * 1e6));
const ms = (hours: number) => String(Math.round(hours * 3.6e6));

it("to the millionth of a dollar, with each work counted once", async () => {
  const [a, b] = [await makeTeam(connection.db), await makeTeam(connection.db)];
  const owners: Record<string, string> = { run_a: a.teamId, run_b: a.teamId, run_c: b.teamId };
  const owned = (share: Omit<Share, "kind" | "teamId">): Share => ({
    ...{ ...share, kind: KINDS[share.work] ?? "", teamId: owners[share.work] ?? "" },
  });
  await fc.assert(
    fc.asyncProperty(fc.array(BOOKING, { minLength: 1, maxLength: 8 }), async (bookings) => {
      await connection.db.execute(sql`truncate spend, spend_pool`);
      for (const { day, shares } of bookings)
        await connection.db.transaction((tx) => writeDay(tx, "cluster", day, shares.map(owned)));
      for (const span of MONTHS)
        for (const team of [a, b]) {
          const said = await plain(team, span);
          const rows = await repo.spendBy(connection.db, team.teamId, span, BY_NAME);
          expect(
            rows.map(({ label, amount: dollars, hours, unpricedHours, works }) => ({
              ...{
                id: label,
                micros: millionths(dollars),
                nodeMs: ms(hours),
                unpricedMs: ms(unpricedHours),
                works,
              },
            })),
          ).toEqual(said.rows);
          const whole = await repo.wholeOf(connection.db, team.teamId, span);
          expect(
            whole.map(({ pool, own, idle }) => ({ pool, own: millionths(own), idle: millionths(idle) })),
          ).toEqual(said.whole.map(({ pool, own, idle }) => ({ pool, own: own ?? "0", idle: idle ?? "0" })));
        }
    }),
    { numRuns: 15 },
  );
});
