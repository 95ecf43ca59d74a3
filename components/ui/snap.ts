/** The step closest to `value`; the lower of two equally close ones. `steps` ascend and are not empty. */
export function nearestStep(steps: readonly number[], value: number): number {
  let nearest = steps[0];
  if (nearest === undefined) throw new Error("A slider with steps needs at least one");
  for (const step of steps) if (Math.abs(step - value) < Math.abs(nearest - value)) nearest = step;
  return nearest;
}

/** The step after (`direction` > 0) or before `value`, or the outermost one where there is none. */
export function nextStep(steps: readonly number[], value: number, direction: number): number {
  if (direction === 0) return nearestStep(steps, value);
  const candidates =
    direction > 0 ? steps.filter((step) => step > value) : steps.filter((step) => step < value);
  return (direction > 0 ? candidates[0] : candidates.at(-1)) ?? nearestStep(steps, value);
}
