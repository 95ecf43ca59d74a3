import { z } from "zod";
import { Id } from "../platform/atoms";
import { inTeam, router } from "../platform/trpc/trpc";
import { LaunchInput, PlanInput, ScriptInput, ScriptPlanInput, SweepInput } from "./contract";
import { launchScript, scriptOptions, scriptPlan } from "./scripts";
import { launch, launchSweep, options, plan } from "./service";

export const trainingRouter = router({
  options: inTeam("read")
    .input(z.object({ versionId: Id }))
    .query(({ ctx, input }) => options(ctx, input.versionId)),
  plan: inTeam("read")
    .input(PlanInput)
    .query(({ ctx, input }) => plan(ctx, input)),
  launch: inTeam("run.launch")
    .input(LaunchInput)
    .mutation(({ ctx, input }) => launch(ctx, input)),
  launchSweep: inTeam("run.launch")
    .input(SweepInput)
    .mutation(({ ctx, input }) => launchSweep(ctx, input.launches)),
  scriptOptions: inTeam("read").query(({ ctx }) => scriptOptions(ctx)),
  scriptPlan: inTeam("read")
    .input(ScriptPlanInput)
    .query(({ ctx, input }) => scriptPlan(ctx, input)),
  launchScript: inTeam("run.launch")
    .input(ScriptInput)
    .mutation(({ ctx, input }) => launchScript(ctx, input)),
});
