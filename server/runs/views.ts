/** Views of the list of runs: filters and columns that a person keeps under a name. Nobody else sees them. */
import { and, asc, count, eq } from "drizzle-orm";
import { z } from "zod";
import { runView } from "../../db/schema/runs";
import { type TeamContext, transact } from "../platform/context";
import { Conflict, NotFound } from "../platform/errors";
import { newId } from "../platform/ids";

const MAX_VIEWS = 100;

export const SaveView = z.object({
  name: z.string().trim().min(1, "a name").max(60, "use at most 60 characters"),
  /** The list's address, from its `?` on. */
  query: z.string().max(2000),
  hiddenColumns: z.array(z.string().max(60)).max(60),
});
export const ViewById = z.object({ id: z.string() });

const mine = ({ teamId, actor }: TeamContext) =>
  and(eq(runView.teamId, teamId), eq(runView.userId, actor.id));

/** By name. */
export async function listViews(ctx: TeamContext) {
  const rows = await ctx.db.select().from(runView).where(mine(ctx)).orderBy(asc(runView.name));
  return rows.map(({ id, name, query, hiddenColumns }) => ({
    id,
    name,
    query,
    hiddenColumns: SaveView.shape.hiddenColumns.parse(hiddenColumns),
  }));
}

/** Under a name that is there already it takes the place of what was kept. @throws Conflict beyond 100 */
export async function saveView(ctx: TeamContext, input: z.infer<typeof SaveView>): Promise<void> {
  await transact(ctx, async (tx) => {
    const { query, hiddenColumns } = input;
    await tx
      .insert(runView)
      .values({ id: newId("view"), teamId: ctx.teamId, userId: ctx.actor.id, ...input })
      .onConflictDoUpdate({
        target: [runView.teamId, runView.userId, runView.name],
        set: { query, hiddenColumns },
      });
    const [kept] = await tx.select({ n: count() }).from(runView).where(mine(ctx));
    if ((kept?.n ?? 0) > MAX_VIEWS)
      throw new Conflict(`You keep ${MAX_VIEWS} views already.`, { remedy: "Remove one of them first." });
  });
}

/** @throws NotFound */
export async function removeView(ctx: TeamContext, id: string): Promise<void> {
  const gone = await ctx.db
    .delete(runView)
    .where(and(mine(ctx), eq(runView.id, id)))
    .returning({ id: runView.id });
  if (gone.length === 0) throw new NotFound("There is no such view of yours.");
}
