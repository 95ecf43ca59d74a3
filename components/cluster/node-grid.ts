/** Where arrow keys lead among cells that wrap into rows of any length. Pure. */
interface Place {
  x: number;
  y: number;
}

/** The index of the cell that a key leads to, or null. @param places in reading order, px */
export function neighbour(places: readonly Place[], from: number, key: string): number | null {
  const here = places[from];
  if (!here) return null;
  const inRange = (index: number) => (index >= 0 && index < places.length ? index : null);
  if (key === "ArrowRight") return inRange(from + 1);
  if (key === "ArrowLeft") return inRange(from - 1);
  if (key === "Home") return 0;
  if (key === "End") return places.length - 1;
  if (key !== "ArrowDown" && key !== "ArrowUp") return null;
  const down = key === "ArrowDown";
  const rows = places.map(({ y }) => y).filter((y) => (down ? y > here.y : y < here.y));
  if (rows.length === 0) return null;
  const row = down ? Math.min(...rows) : Math.max(...rows);
  let best: number | null = null;
  places.forEach(({ x, y }, index) => {
    if (y !== row) return;
    const before = best === null ? undefined : places[best];
    if (!before || Math.abs(x - here.x) < Math.abs(before.x - here.x)) best = index;
  });
  return best;
}
