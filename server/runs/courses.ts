/** How the main metric of runs went: a few values each, for a row of a list. One query, whatever the number of runs. */
import { sql } from "drizzle-orm";
import type { Db } from "../platform/db";
import { finite, isLogged } from "./metrics";

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
  const { rows } = await db.execute<{ run: number; metric: string; value: number }>(sql`
    with chosen as (
      select distinct on (r.id) r.number, s.id, s.name
      from run r join series s on s.run_id = r.id join attempt a on a.id = s.attempt_id
      where r.team_id = ${teamId} and ${isLogged} and r.number in (${sql.join(
        numbers.map((n) => sql`${n}`),
        sql`, `,
      )})
      order by r.id, s.name <> ${MAIN_METRIC}, s.name, a.number desc, s.rank
    ), extent as (
      select c.number, c.id, c.name, max(u.last_step) as hi, min(u.bucket) * 1024 as lo
      from chosen c join rollup u on u.series_id = c.id and u.level = 1024 group by 1, 2, 3
    ), part as (
      select e.*, x.step, x.sum, x.n from extent e cross join lateral (
        select step, value as sum, 1 as n from point
        where series_id = e.id and e.hi - e.lo < ${STEPS_OF_POINTS}
        union all
        select last_step, sum, n from rollup
        where series_id = e.id and level = case when e.hi - e.lo < ${STEPS_OF_FINE} then 64 else 1024 end
          and e.hi - e.lo >= ${STEPS_OF_POINTS}
      ) x
    )
    select number as run, name as metric, ((step - lo) * ${COURSE_VALUES}::int / (hi - lo + 1))::int as at,
           sum(sum) / sum(n) as value
    from part group by 1, 2, 3 order by 1, 3`);
  const courses = new Map<number, Course>();
  for (const { run, metric, value } of rows) {
    const course = courses.get(run) ?? { run, metric, values: [] };
    courses.set(run, course);
    course.values.push(finite(value));
  }
  return [...courses.values()];
}
