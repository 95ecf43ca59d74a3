/** How the main metric of runs went: a few values each, for a row of a list. One query, whatever the number of runs. */
import { sql } from "drizzle-orm";
import type { Db } from "../platform/db";
import { finite, isLogged } from "./metrics";
import { COARSE, FINE, type Level } from "./points/chunk";
import { readGrid } from "./points/grid";

/** Values of a course at most: means over equal shares of the steps, of those shares that hold a point. */
export const COURSE_VALUES = 24;
const MAIN_METRIC = "train/loss";
/** Up to so many steps a course is made of points, and up to so many of the rollup of 64 steps. */
const STEPS_OF_POINTS = 512;
const STEPS_OF_FINE = 32_768;

export interface Course {
  run: number;
  metric: string;
  /** Null where the mean is not finite. */
  values: (number | null)[];
}

/** Of each run that logged something: the loss, or its first metric by name; the newest attempt's, of its lowest rank. */
export async function coursesOf(db: Db, teamId: string, numbers: readonly number[]): Promise<Course[]> {
  if (numbers.length === 0) return [];
  const chosen = await chosenSeries(db, teamId, numbers);
  const { cells } = await readGrid(
    db,
    "step",
    chosen.map(({ series, lo, hi }) => ({
      series,
      level: levelOf(hi - lo),
      origin: lo,
      size: (hi - lo + 1) / COURSE_VALUES,
      until: Number.MAX_SAFE_INTEGER,
    })),
  );
  return chosen.map(({ run, metric, series }) => ({
    run,
    metric,
    values: cells.filter((cell) => cell.series === series).map(({ sum, n }) => finite(sum / n)),
  }));
}

const levelOf = (span: number): Level => (span < STEPS_OF_POINTS ? 1 : span < STEPS_OF_FINE ? FINE : COARSE);

/** The series that stands for each run, and the steps that it spans. */
async function chosenSeries(db: Db, teamId: string, numbers: readonly number[]) {
  const { rows } = await db.execute<{
    run: number;
    metric: string;
    series: number;
    lo: number;
    hi: number;
  }>(sql`
    with chosen as (
      select distinct on (r.id) r.number, s.id, s.name
      from run r join series s on s.run_id = r.id join attempt a on a.id = s.attempt_id
      where r.team_id = ${teamId} and ${isLogged} and r.number in (${sql.join(
        numbers.map((n) => sql`${n}`),
        sql`, `,
      )})
      order by r.id, s.name <> ${MAIN_METRIC}, s.name, a.number desc, s.rank
    )
    select c.number as run, c.name as metric, c.id::float8 as series, min(u.bucket * ${COARSE}::int)::float8 as lo,
           max(u.last_step)::float8 as hi
    from chosen c join rollup u on u.series_id = c.id group by c.number, c.name, c.id order by c.number`);
  return rows;
}
