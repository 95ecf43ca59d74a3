/** Reading the audit log, and proving that nobody changed it. */
import type { TeamContext } from "../platform/context";
import { NotFound } from "../platform/errors";
import type { ListEntries, Verification } from "./contract";
import * as repo from "./repo";
import { entryHash, GENESIS } from "./service";

const CHAIN_PAGE = 1000;

export async function list(ctx: TeamContext, input: ListEntries) {
  const found = await repo.listEntries(ctx.db, ctx.teamId, input);
  const entries = found.slice(0, input.limit);
  return { entries, next: found.length > input.limit ? (entries.at(-1)?.seq ?? null) : null };
}

export const count = (ctx: TeamContext, input: ListEntries) => repo.countEntries(ctx.db, ctx.teamId, input);
export const facets = (ctx: TeamContext) => repo.facets(ctx.db, ctx.teamId);

/** One entry, whether its hash holds, and the hashes before and after it. */
export async function entry(ctx: TeamContext, input: { seq: number }) {
  const rows = await repo.findWithNeighbours(ctx.db, ctx.teamId, input.seq);
  const found = rows.find((row) => row.entry.seq === input.seq);
  if (!found) throw new NotFound(`There is no entry ${input.seq} in this team's log.`);
  const hashOf = (seq: number) => rows.find((row) => row.entry.seq === seq)?.entry.hash ?? null;
  return {
    ...found.entry,
    actorName: found.actorName,
    isIntact: entryHash(found.entry) === found.entry.hash,
    previous: hashOf(input.seq - 1),
    following: hashOf(input.seq + 1),
  };
}

/** Recomputes the team's whole chain: each hash from its entry and its predecessor, each number one higher. */
export async function verify(ctx: TeamContext): Promise<Verification> {
  const began = performance.now();
  let last = { seq: 0, hash: GENESIS };
  let since: Date | null = null;
  let broken: Verification["broken"] = null;
  chain: for (;;) {
    const page = await repo.chainAfter(ctx.db, ctx.teamId, last.seq, CHAIN_PAGE);
    for (const row of page) {
      since ??= row.createdAt;
      const why = fault(row, last);
      if (why) {
        broken = { seq: row.seq, why };
        break chain;
      }
      last = row;
    }
    if (page.length < CHAIN_PAGE) break;
  }
  return {
    checked: last.seq,
    broken,
    head: last.hash,
    since,
    tookMs: performance.now() - began,
    at: new Date(),
  };
}

function fault(row: repo.EntryRow, last: { seq: number; hash: string }): string | null {
  if (row.seq !== last.seq + 1) return `Entry ${last.seq + 1} is missing.`;
  if (row.previousHash !== last.hash) return `Entry ${row.seq} does not follow from entry ${last.seq}.`;
  return entryHash(row) === row.hash ? null : `The content of entry ${row.seq} does not have its hash.`;
}
