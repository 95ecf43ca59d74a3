/** Policies and comments: sub-routers of releases. */
import { inTeam, router } from "../platform/trpc/trpc";
import * as comments from "./comments";
import { AddComment, DeleteComment, RequestNumber } from "./contract";
import * as policies from "./policies";
import { PolicyScope, PreviewPolicy, SavePolicy } from "./policy-contract";

export const policiesRouter = router({
  scopes: inTeam("read").query(({ ctx }) => policies.scopes(ctx)),
  page: inTeam("read")
    .input(PolicyScope)
    .query(({ ctx, input }) => policies.policyPage(ctx, input)),
  preview: inTeam("policy.edit")
    .input(PreviewPolicy)
    .query(({ ctx, input }) => policies.previewPolicy(ctx, input)),
  save: inTeam("policy.edit")
    .input(SavePolicy)
    .mutation(({ ctx, input }) => policies.savePolicy(ctx, input)),
});

export const commentsRouter = router({
  list: inTeam("read")
    .input(RequestNumber)
    .query(({ ctx, input }) => comments.comments(ctx, input)),
  add: inTeam("release.comment")
    .input(AddComment)
    .mutation(({ ctx, input }) => comments.addComment(ctx, input)),
  delete: inTeam("release.comment")
    .input(DeleteComment)
    .mutation(({ ctx, input }) => comments.deleteComment(ctx, input)),
});
