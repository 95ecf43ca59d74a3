import { inTeam, router } from "../platform/trpc/trpc";
import * as screens from "./screen-service";
import { GetRun, ListRuns, LogsQuery, MetricsQuery, RunNumber, StopRun } from "./screens";
import { requestStop } from "./service";

export const runsRouter = router({
  list: inTeam("read")
    .input(ListRuns)
    .query(({ ctx, input }) => screens.list(ctx, input)),
  get: inTeam("read")
    .input(GetRun)
    .query(({ ctx, input }) => screens.detail(ctx, input.number)),
  /** Whose run it is decides which permission it takes: `run.stop_own` or `run.stop_any`. */
  stop: inTeam("read")
    .input(StopRun)
    .mutation(({ ctx, input }) => requestStop(ctx, input.runId)),
  series: inTeam("read")
    .input(RunNumber)
    .query(({ ctx, input }) => screens.series(ctx, input.run)),
  metrics: inTeam("read")
    .input(MetricsQuery)
    .query(({ ctx, input }) => screens.metrics(ctx, input)),
  logs: inTeam("read")
    .input(LogsQuery)
    .query(({ ctx, input }) => screens.logs(ctx, input)),
});
