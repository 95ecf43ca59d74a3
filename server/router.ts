/** All procedures of the console. Slices add theirs here. */

import { alertsRouter } from "./alerts/router";
import { auditRouter } from "./audit/router";
import { clusterRouter } from "./cluster/router";
import { costRouter } from "./cost/router";
import { datasetsRouter } from "./datasets/router";
import { hooksRouter } from "./hooks/router";
import { identityRouter } from "./identity/router";
import { modelsRouter } from "./models/router";
import { overviewRouter } from "./overview/router";
import { liveRouter } from "./platform/live/router";
import { router } from "./platform/trpc/trpc";
import { releasesRouter } from "./releases/router";
import { runsRouter } from "./runs/router";
import { studioRouter } from "./studio/router";
import { trainingRouter } from "./training/router";

export const appRouter = router({
  alerts: alertsRouter,
  audit: auditRouter,
  cluster: clusterRouter,
  cost: costRouter,
  datasets: datasetsRouter,
  hooks: hooksRouter,
  identity: identityRouter,
  live: liveRouter,
  models: modelsRouter,
  overview: overviewRouter,
  releases: releasesRouter,
  runs: runsRouter,
  studio: studioRouter,
  training: trainingRouter,
});
export type AppRouter = typeof appRouter;
