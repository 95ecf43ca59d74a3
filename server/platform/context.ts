/** Who acts, for whom, on which database: what every service takes as its first argument. */
import type { Database, Transaction } from "./db";
import { wakeRelay } from "./live/relay";
import type { Permission, Role } from "./permissions";
import { granted } from "./permissions";

export type Actor =
  | { kind: "person"; id: string; name: string; roles: readonly Role[] }
  | { kind: "system"; id: string };

export interface TeamContext {
  db: Database;
  teamId: string;
  teamSlug: string;
  actor: Actor;
  requestId: string;
}

/** Whether the actor may; processes of our own may do what their code does. */
export const may = (ctx: TeamContext, permission: Permission): boolean =>
  ctx.actor.kind === "system" || granted(ctx.actor.roles, permission);

/** State, outbox event and audit entry in one transaction; listeners are woken once it is committed. */
export async function transact<T>(ctx: { db: Database }, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const result = await ctx.db.transaction(work);
  wakeRelay();
  return result;
}
