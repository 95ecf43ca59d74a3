/** What people say beside the evidence of a request. Nothing said is changed; one's own can be taken back for a while. */
import { and, asc, eq } from "drizzle-orm";
import type { z } from "zod";
import { user } from "../../db/schema/identity";
import { requestComment } from "../../db/schema/promotion";
import { record } from "../audit/service";
import { type TeamContext, transact } from "../platform/context";
import { Conflict, Forbidden, NotFound } from "../platform/errors";
import { newId } from "../platform/ids";
import { emit } from "../platform/live/outbox";
import { type AddComment, COMMENT_DELETABLE_MS, type DeleteComment } from "./contract";
import { findRequest } from "./repo";

async function requestOf(ctx: TeamContext, number: number) {
  const request = await findRequest(ctx.db, ctx.teamId, number);
  if (!request) throw new NotFound(`There is no request ${number} in this team.`);
  return request;
}

/** Oldest first; a deleted one keeps its place and author without its words. */
export async function comments(ctx: TeamContext, input: { number: number }) {
  const request = await requestOf(ctx, input.number);
  const rows = await ctx.db
    .select({
      id: requestComment.id,
      authorId: requestComment.authorId,
      by: user.name,
      body: requestComment.body,
      at: requestComment.createdAt,
      deletedAt: requestComment.deletedAt,
    })
    .from(requestComment)
    .innerJoin(user, eq(user.id, requestComment.authorId))
    .where(and(eq(requestComment.requestId, request.id), eq(requestComment.teamId, ctx.teamId)))
    .orderBy(asc(requestComment.createdAt), asc(requestComment.id));
  return rows.map(({ authorId, ...row }) => ({
    ...row,
    isRequester: authorId === request.requestedBy,
    /** Until when whoever looks may delete it; null when they may not. */
    deletableUntil:
      authorId === ctx.actor.id && row.deletedAt === null
        ? new Date(row.at.getTime() + COMMENT_DELETABLE_MS)
        : null,
  }));
}

/** In any state of the request: what is learned after a decision belongs beside it too. */
export async function addComment(ctx: TeamContext, input: z.infer<typeof AddComment>) {
  const request = await requestOf(ctx, input.number);
  const id = newId("cmt");
  await transact(ctx, async (tx) => {
    await tx.insert(requestComment).values({
      id,
      teamId: ctx.teamId,
      requestId: request.id,
      authorId: ctx.actor.id,
      body: input.body,
    });
    await record(tx, ctx, {
      action: "request.commented",
      target: { kind: "request", id: request.id },
      summary: `Commented on request ${request.number}`,
    });
    await emit(tx, { teamId: ctx.teamId, topic: "releases", key: request.id });
  });
  return { id };
}

/** @throws Forbidden for somebody else's, Conflict once the time for it is over */
export async function deleteComment(ctx: TeamContext, input: z.infer<typeof DeleteComment>): Promise<void> {
  await transact(ctx, async (tx) => {
    const [found] = await tx
      .select()
      .from(requestComment)
      .where(and(eq(requestComment.id, input.commentId), eq(requestComment.teamId, ctx.teamId)))
      .for("update");
    if (!found) throw new NotFound("There is no such comment in this team.");
    if (found.authorId !== ctx.actor.id) throw new Forbidden("Only its author deletes a comment.");
    if (found.deletedAt) throw new Conflict("This comment is deleted already.");
    if (Date.now() - found.createdAt.getTime() > COMMENT_DELETABLE_MS) {
      throw new Conflict("A comment can be deleted for 10 minutes; this one stays.", {
        code: "comment_stays",
        remedy: "Write another one that corrects it.",
      });
    }
    await tx
      .update(requestComment)
      .set({ body: "", deletedAt: new Date() })
      .where(eq(requestComment.id, found.id));
    await record(tx, ctx, {
      action: "request.comment_deleted",
      target: { kind: "request", id: found.requestId },
      summary: "Deleted their own comment",
    });
    await emit(tx, { teamId: ctx.teamId, topic: "releases", key: found.requestId });
  });
}
