/** All procedures of the console. Slices add theirs here. */

import { auditRouter } from "./audit/router";
import { datasetsRouter } from "./datasets/router";
import { identityRouter } from "./identity/router";
import { modelsRouter } from "./models/router";
import { overviewRouter } from "./overview/router";
import { liveRouter } from "./platform/live/router";
import { router } from "./platform/trpc/trpc";
import { releasesRouter } from "./releases/router";
import { studioRouter } from "./studio/router";

export const appRouter = router({
  audit: auditRouter,
  datasets: datasetsRouter,
  identity: identityRouter,
  live: liveRouter,
  models: modelsRouter,
  overview: overviewRouter,
  releases: releasesRouter,
  studio: studioRouter,
});
export type AppRouter = typeof appRouter;
