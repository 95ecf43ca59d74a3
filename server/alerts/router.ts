import { inTeam, router } from "../platform/trpc/trpc";
import { AlertId, ListAlerts, SilenceAlerts, SilenceId, TakeAlert } from "./contract";
import { PreviewRule, RemoveRule, SaveRule, SetStarter, SwitchRule } from "./rule-contract";
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
  rules: inTeam("read").query(({ ctx }) => service.listRules(ctx)),
  preview: inTeam("read")
    .input(PreviewRule)
    .query(({ ctx, input }) => service.preview(ctx, input)),
  saveRule: inTeam("alert.handle")
    .input(SaveRule)
    .mutation(({ ctx, input }) => service.saveRule(ctx, input)),
  switchRule: inTeam("alert.handle")
    .input(SwitchRule)
    .mutation(({ ctx, input }) => service.switchRule(ctx, input)),
  removeRule: inTeam("alert.handle")
    .input(RemoveRule)
    .mutation(({ ctx, input }) => service.removeRule(ctx, input)),
  setStarter: inTeam("alert.handle")
    .input(SetStarter)
    .mutation(({ ctx, input }) => service.setStarter(ctx, input)),
});
