/** Entries in words. */

/** `release.rolled_back` is "release rolled back". */
export const actionWords = (action: string): string => action.replaceAll(/[._]/g, " ");

export const actorWords = (entry: { actorName: string | null; actor: string }): string =>
  entry.actorName ?? entry.actor;

export interface FieldChange {
  name: string;
  before: string;
  after: string;
}

const show = (value: unknown): string => {
  if (value === undefined || value === null || value === "") return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
};

const fields = (value: unknown): Map<string, unknown> =>
  new Map(
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value)
      : value === null || value === undefined
        ? []
        : [["value", value]],
  );

/** What an action changed, and how many fields it left as they were. */
export function changesOf(before: unknown, after: unknown): { changed: FieldChange[]; equal: number } {
  const [old, now] = [fields(before), fields(after)];
  const names = [...new Set([...now.keys(), ...old.keys()])];
  const all = names.map((name) => ({ name, before: show(old.get(name)), after: show(now.get(name)) }));
  const changed = all.filter((field) => field.before !== field.after);
  return { changed, equal: all.length - changed.length };
}
