import { inTeam, router } from "../platform/trpc/trpc";
import { AlertId, ListAlerts, SilenceAlerts, SilenceId, TakeAlert } from "./contract";
import * as service from "./service";

export const alertsRouter = router({
  list: inTeam("read")
    .input(ListAlerts)
    .query(({ ctx, input }) => service.list(ctx, input)),
  incident: inTeam("read")
    .input(AlertId)
    .query(({ ctx, input }) => service.incident(ctx, input)),
  take: inTeam("alert.handle")
    .input(TakeAlert)
    .mutation(({ ctx, input }) => service.take(ctx, input)),
  silence: inTeam("alert.handle")
    .input(SilenceAlerts)
    .mutation(({ ctx, input }) => service.silence(ctx, input)),
  unsilence: inTeam("alert.handle")
    .input(SilenceId)
    .mutation(({ ctx, input }) => service.unsilence(ctx, input)),
});
