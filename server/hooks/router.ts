import { inTeam, router } from "../platform/trpc/trpc";
import { CreateHook, DeliveryId, HookId } from "./contract";
import * as service from "./service";

export const hooksRouter = router({
  list: inTeam("webhook.manage").query(({ ctx }) => service.hooks(ctx)),
  deliveries: inTeam("webhook.manage").query(({ ctx }) => service.deliveries(ctx)),
  create: inTeam("webhook.manage")
    .input(CreateHook)
    .mutation(({ ctx, input }) => service.createHook(ctx, input)),
  remove: inTeam("webhook.manage")
    .input(HookId)
    .mutation(({ ctx, input }) => service.removeHook(ctx, input)),
  renewSecret: inTeam("webhook.manage")
    .input(HookId)
    .mutation(({ ctx, input }) => service.renewSecret(ctx, input)),
  test: inTeam("webhook.manage")
    .input(HookId)
    .mutation(({ ctx, input }) => service.sendTest(ctx, input)),
  sendAgain: inTeam("webhook.manage")
    .input(DeliveryId)
    .mutation(({ ctx, input }) => service.sendAgain(ctx, input)),
});
