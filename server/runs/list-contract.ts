/** How much the list of runs takes at once. */

/** So many runs stand side by side. */
export const MAX_COMPARED_RUNS = 200;
/** So many metrics are columns. */
export const MAX_METRIC_COLUMNS = 12;
