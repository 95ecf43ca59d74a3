const words = new Intl.Collator("en", { numeric: true });

/** Names in the order in which people look for them: cpu-2 stands before cpu-10. `naturally` is the same in SQL. */
export const byName = (a: string, b: string): number => words.compare(a, b);
