/** Counts by key and period, taken away as rows: what could not be stored is given back and goes with the next. */

/** What a period of a key holds. `take` empties its counts; what describes the whole period, quantiles, stays. */
export interface Held<Row> {
  isEmpty(): boolean;
  take(at: Date): Row;
  putBack(row: Row): void;
}

export class Periods<Cell extends Held<Row>, Row extends { at: Date }> {
  private cells = new Map<string, { at: number; cell: Cell }>();

  constructor(
    private readonly periodMs: number,
    private readonly keyOf: (row: Row) => string,
  ) {}

  /** The cell of this key's period that holds `now`. */
  at(key: string, now: number, make: () => Cell): Cell {
    const at = now - (now % this.periodMs);
    const id = `${key}/${at}`;
    let held = this.cells.get(id);
    if (!held) {
      held = { at, cell: make() };
      this.cells.set(id, held);
    }
    return held.cell;
  }

  /** What was counted since the last time. */
  take(now: number): Row[] {
    const rows: Row[] = [];
    for (const [id, { at, cell }] of this.cells) {
      if (!cell.isEmpty()) rows.push(cell.take(new Date(at)));
      else if (now - at >= 2 * this.periodMs) this.cells.delete(id);
    }
    return rows;
  }

  putBack(rows: readonly Row[]): void {
    for (const row of rows) this.cells.get(`${this.keyOf(row)}/${row.at.getTime()}`)?.cell.putBack(row);
  }
}
