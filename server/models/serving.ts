/** What is in production, by model: the releases slice knows, and stands above this one. It registers how to ask. */
import type { Db } from "../platform/db";
import { singleton } from "../platform/singleton";

export interface Serving {
  versionNumber: number;
  state: "ready" | "starting" | "failed" | "asleep";
}
export type ReadServing = (
  db: Db,
  teamId: string,
  modelIds: readonly string[],
) => Promise<Map<string, Serving>>;

const port = (): { read?: ReadServing } => singleton("models:serving", () => ({}));

export const registerServing = (read: ReadServing): void => {
  port().read = read;
};

/** Null where nobody can tell; a model without an entry serves nothing. */
export async function servingOf(db: Db, teamId: string, modelIds: readonly string[]) {
  return modelIds.length === 0 ? null : ((await port().read?.(db, teamId, modelIds)) ?? null);
}
