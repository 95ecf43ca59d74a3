/** All procedures of the console. Slices add theirs here. */
import { identityRouter } from "./identity/router";
import { liveRouter } from "./platform/live/router";
import { router } from "./platform/trpc/trpc";

export const appRouter = router({
  identity: identityRouter,
  live: liveRouter,
});
export type AppRouter = typeof appRouter;
