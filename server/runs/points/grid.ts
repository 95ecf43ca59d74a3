/** Reading series for a drawing: each line's points or rollups, joined to cells of its grid. */
import { sql } from "drizzle-orm";
import type { Db } from "../../platform/db";
import { COARSE, eachPoint, FINE, greater, type Level, lesser, summand } from "./chunk";

/** What a drawing wants of one series. */
export interface Grid {
  series: number;
  level: Level;
  /** Where cell 0 begins, and how wide cells are: in steps or in ms. */
  origin: number;
  size: number;
  /** The last step that counts. */
  until: number;
}
/** What points of a series come to. */
interface Joined {
  series: number;
  /** The greatest. */
  step: number;
  ts: number;
  n: number;
  min: number;
  max: number;
  sum: number;
  last: number;
}
export interface Cell extends Joined {
  /** Whether its steps are beyond those that count. */
  isBeyond: boolean;
  cell: number;
}
export interface Range {
  /** Steps, both included. */
  from: number;
  to: number;
}
export type Axis = "step" | "ts";

/**
 * The cells that hold something, in the order of the steps. Where points were compacted, what is left of them: one value
 * for 64 steps.
 */
export async function readGrid(
  db: Db,
  axis: Axis,
  grids: readonly Grid[],
  range?: Range,
): Promise<{ cells: Cell[]; isCompacted: boolean }> {
  const raw = grids.filter(({ level }) => level === 1);
  const coarser = grids.filter(({ level }) => level > 1);
  const points = raw.length > 0 ? await readPoints(db, axis, raw, range) : { cells: [], isCompacted: false };
  const cells = coarser.length > 0 ? await readRollups(db, axis, coarser, range) : [];
  return { ...points, cells: [...points.cells, ...cells] };
}

/** Puts what `other` holds into `cell`: what comes last is the greater (step, ts). */
export function join(cell: Cell, other: Cell): void {
  if ((other.step - cell.step || other.ts - cell.ts) > 0) cell.last = other.last;
  cell.step = Math.max(cell.step, other.step);
  cell.ts = Math.max(cell.ts, other.ts);
  cell.n += other.n;
  cell.min = lesser(cell.min, other.min);
  cell.max = greater(cell.max, other.max);
  cell.sum += other.sum;
}

interface Stored extends Joined, Record<string, unknown> {
  body: Buffer | null;
}

const bucketsOf = (range: Range | undefined, level: number) =>
  range
    ? sql`bucket between ${Math.floor(range.from / level)} and ${Math.floor(range.to / level)}`
    : sql`true`;

async function readPoints(db: Db, axis: Axis, grids: readonly Grid[], range: Range | undefined) {
  const { rows } = await db.execute<Stored>(sql`
    select series_id::float8 as series, body, last_step::float8 as step, last_ts::float8 as ts, n, min, max, sum, last
    from chunk where series_id = any (${`{${grids.map(({ series }) => series).join(",")}}`}::bigint[])
      and ${bucketsOf(range, FINE)}
    order by series_id, bucket, part`);
  const folds = new Map(grids.map((grid) => [grid.series, new Fold(grid, axis)]));
  for (const row of rows) {
    const fold = folds.get(row.series);
    if (!row.body) fold?.add(row.step, row.ts, row.n, row.min, row.max, row.sum, row.last);
    else
      eachPoint(row.body, (step, ts, value) => {
        if (range && (step < range.from || step > range.to)) return;
        fold?.addPoint(step, ts, value);
      });
  }
  return {
    cells: [...folds.values()].flatMap((fold) => fold.cells),
    isCompacted: rows.some(({ body }) => body === null),
  };
}

/** Joins a series, read in order, to cells. */
class Fold {
  readonly cells: Cell[] = [];
  private readonly byKey = new Map<string, Cell>();
  private open: Cell | undefined;

  constructor(
    private readonly grid: Grid,
    private readonly axis: Axis,
  ) {}

  addPoint(step: number, ts: number, value: number): void {
    this.add(step, ts, 1, value, value, summand(value), value);
  }

  /** Takes in a point or a summary; columns, for it is called for every point of a drawing. */
  add(step: number, ts: number, n: number, min: number, max: number, sum: number, last: number): void {
    const { origin, size, until } = this.grid;
    const at = Math.floor((this.axis === "step" ? step - origin : Math.max(0, ts - origin)) / size);
    const cell = this.cellOf(at, step > until, step, ts, last);
    if ((step - cell.step || ts - cell.ts) >= 0) cell.last = last;
    cell.step = Math.max(cell.step, step);
    cell.ts = Math.max(cell.ts, ts);
    cell.n += n;
    cell.min = lesser(cell.min, min);
    cell.max = greater(cell.max, max);
    cell.sum += sum;
  }

  private cellOf(cell: number, isBeyond: boolean, step: number, ts: number, value: number): Cell {
    if (this.open?.cell === cell && this.open.isBeyond === isBeyond) return this.open;
    const key = `${cell} ${isBeyond}`;
    let found = this.byKey.get(key);
    if (!found) {
      found = {
        series: this.grid.series,
        isBeyond,
        cell,
        step,
        ts,
        n: 0,
        min: Number.NaN,
        max: Number.NEGATIVE_INFINITY,
        sum: 0,
        last: value,
      };
      this.cells.push(found);
      this.byKey.set(key, found);
    }
    this.open = found;
    return found;
  }
}

async function readRollups(db: Db, axis: Axis, grids: readonly Grid[], range: Range | undefined) {
  const x = axis === "step" ? sql`step - origin` : sql`greatest(0, ts - origin)`;
  const stored = (table: "chunk" | "rollup", level: number) => sql`
    select g.series, g.origin, g.size, g.until, c.last_step as step, c.last_ts as ts, n, min, max, sum, last
    from grid g join ${sql.raw(table)} c on c.series_id = g.series
    where g.level = ${level} and ${bucketsOf(range, level)}`;
  const { rows } = await db.execute<Cell & Record<string, unknown>>(sql`
    with grid as (
      select * from jsonb_to_recordset(${JSON.stringify(grids)}::jsonb)
        as g (series bigint, level int, origin float8, size float8, until float8)
    ), part as (${stored("chunk", FINE)} union all ${stored("rollup", COARSE)})
    select series::float8 as series, step > until as "isBeyond", floor((${x}) / size) as cell,
           max(step)::float8 as step, max(ts)::float8 as ts, sum(n)::int as n, min(min) as min, max(max) as max,
           sum(sum) as sum, (array_agg(last order by step desc, ts desc, last desc))[1] as last
    from part group by 1, 2, 3 order by series, cell, "isBeyond"`);
  return rows;
}
