import { z } from "zod";
import { inTeam, router } from "../platform/trpc/trpc";
import { apiPage } from "./api-page";
import { askModel } from "./ask";
import {
  ApproveRequest,
  AskModel,
  BreakGlass,
  CreateRequest,
  DeclineRequest,
  LaneId,
  LaneName,
  RequestNumber,
  StageVersion,
  Switch,
  SwitchStaging,
  TryIt,
} from "./contract";
import { drillRollback } from "./drill";
import * as pages from "./pages";
import { commentsRouter, policiesRouter } from "./promotion-router";
import { AdvanceRollout, RestrainRollout, ServedAtInput } from "./rollout-contract";
import { rolloutPage } from "./rollout-page";
import { moveByHand } from "./rollout-service";
import { retryReplicas, setScaling } from "./scaling";
import { RetryReplicas, SetScaling } from "./scaling-contract";
import { servedAt } from "./served-at";
import * as service from "./service";
import { switchRelease } from "./switch";
import { tryModel } from "./try";

/** Whoever releases to staging also takes it back there; of production they may do neither. */
const stagingRouter = router({
  release: inTeam("release.stage")
    .input(StageVersion)
    .mutation(({ ctx, input }) => service.stageVersion(ctx, input)),
  rollBack: inTeam("release.stage")
    .input(SwitchStaging)
    .mutation(({ ctx, input }) => switchRelease(ctx, "rollback", { ...input, environment: "staging" })),
  goForward: inTeam("release.stage")
    .input(SwitchStaging)
    .mutation(({ ctx, input }) => switchRelease(ctx, "forward", { ...input, environment: "staging" })),
});

export const releasesRouter = router({
  overview: inTeam("read").query(({ ctx }) => pages.overview(ctx)),
  traffic: inTeam("read").query(({ ctx }) => pages.traffic(ctx)),
  model: inTeam("read")
    .input(LaneName)
    .query(({ ctx, input }) => pages.modelPage(ctx, input)),
  rollout: inTeam("read")
    .input(LaneName)
    .query(({ ctx, input }) => rolloutPage(ctx, input)),
  servedAt: inTeam("read")
    .input(ServedAtInput)
    .query(({ ctx, input }) => servedAt(ctx, input)),
  request: inTeam("read")
    .input(RequestNumber)
    .query(({ ctx, input }) => pages.requestPage(ctx, input)),
  laneOfRequest: inTeam("read")
    .input(RequestNumber)
    .query(({ ctx, input }) => pages.laneOfRequest(ctx, input)),
  requestForm: inTeam("read")
    .input(z.object({ versionId: z.string() }))
    .query(({ ctx, input }) => pages.requestForm(ctx, input)),

  api: inTeam("read")
    .input(LaneName)
    .query(({ ctx, input }) => apiPage(ctx, input)),

  createRequest: inTeam("release.request")
    .input(CreateRequest)
    .mutation(({ ctx, input }) => service.createRequest(ctx, input)),
  approve: inTeam("release.approve")
    .input(ApproveRequest)
    .mutation(({ ctx, input }) => service.approve(ctx, input)),
  decline: inTeam("release.approve")
    .input(DeclineRequest)
    .mutation(({ ctx, input }) => service.decline(ctx, input)),
  breakGlass: inTeam("release.break_glass")
    .input(BreakGlass)
    .mutation(({ ctx, input }) => service.breakGlass(ctx, input)),
  withdraw: inTeam("release.request")
    .input(RequestNumber)
    .mutation(({ ctx, input }) => service.withdraw(ctx, input)),
  rollBack: inTeam("release.rollback")
    .input(Switch)
    .mutation(({ ctx, input }) => switchRelease(ctx, "rollback", input)),
  goForward: inTeam("release.rollback")
    .input(Switch)
    .mutation(({ ctx, input }) => switchRelease(ctx, "forward", input)),
  advanceRollout: inTeam("release.approve")
    .input(AdvanceRollout)
    .mutation(({ ctx, input }) => moveByHand(ctx, input)),
  restrainRollout: inTeam("release.rollback")
    .input(RestrainRollout)
    .mutation(({ ctx, input }) => moveByHand(ctx, input)),
  drill: inTeam("release.rollback")
    .input(LaneId)
    .mutation(({ ctx, input }) => drillRollback(ctx, input)),
  setScaling: inTeam("release.rollback")
    .input(SetScaling)
    .mutation(({ ctx, input }) => setScaling(ctx, input)),
  retryReplicas: inTeam("release.rollback")
    .input(RetryReplicas)
    .mutation(({ ctx, input }) => retryReplicas(ctx, input)),
  tryIt: inTeam("inference.try")
    .input(TryIt)
    .mutation(({ ctx, input }) => tryModel(ctx, input)),
  ask: inTeam("inference.try")
    .input(AskModel)
    .mutation(({ ctx, input }) => askModel(ctx, input)),
  staging: stagingRouter,
  policies: policiesRouter,
  comments: commentsRouter,
});
