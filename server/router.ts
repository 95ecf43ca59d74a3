/** All procedures of the console. Slices add theirs here. */
import { identityRouter } from "./identity/router";
import { overviewRouter } from "./overview/router";
import { liveRouter } from "./platform/live/router";
import { router } from "./platform/trpc/trpc";

export const appRouter = router({
  identity: identityRouter,
  live: liveRouter,
  overview: overviewRouter,
});
export type AppRouter = typeof appRouter;
