import { inTeam, router } from "../platform/trpc/trpc";
import * as comparison from "./comparison";
import * as control from "./control";
import { costsOfRuns } from "./cost";
import { metricNames, newestOfRuns } from "./newest";
import * as screens from "./screen-service";
import {
  CheckpointOfRun,
  CompareMetric,
  CompareRuns,
  ContinueRun,
  GetRun,
  HeatQuery,
  ListRuns,
  LogAt,
  LogSearch,
  LogsQuery,
  MetricsQuery,
  NewestOfRuns,
  RunById,
  RunNumber,
  RunNumbers,
  SetPriority,
  SetRunTag,
  TagOfRun,
} from "./screens";
import { requestStop } from "./service";
import * as tracking from "./tracking/service";
import * as views from "./views";

export const runsRouter = router({
  list: inTeam("read")
    .input(ListRuns)
    .query(({ ctx, input }) => screens.list(ctx, input)),
  launchers: inTeam("read").query(({ ctx }) => screens.launchers(ctx)),
  views: inTeam("read").query(({ ctx }) => views.listViews(ctx)),
  saveView: inTeam("read")
    .input(views.SaveView)
    .mutation(({ ctx, input }) => views.saveView(ctx, input)),
  removeView: inTeam("read")
    .input(views.ViewById)
    .mutation(({ ctx, input }) => views.removeView(ctx, input.id)),
  courses: inTeam("read")
    .input(RunNumbers)
    .query(({ ctx, input }) => screens.courses(ctx, input.runs)),
  /** What a list may show of its rows, and those values. */
  metricNames: inTeam("read")
    .input(RunNumbers)
    .query(({ ctx, input }) => metricNames(ctx, input.runs)),
  newest: inTeam("read")
    .input(NewestOfRuns)
    .query(({ ctx, input }) => newestOfRuns(ctx, input)),
  costs: inTeam("read")
    .input(RunNumbers)
    .query(({ ctx, input }) => costsOfRuns(ctx.db, ctx.teamId, input.runs)),
  get: inTeam("read")
    .input(GetRun)
    .query(({ ctx, input }) => screens.detail(ctx, input.number)),
  /** Whose run it is decides which permission it takes: `run.stop_own` or `run.stop_any`. */
  stop: inTeam("read")
    .input(RunById)
    .mutation(({ ctx, input }) => requestStop(ctx, input.runId)),
  /** As for stopping; so are the next two. */
  pause: inTeam("read")
    .input(RunById)
    .mutation(({ ctx, input }) => control.requestPause(ctx, input.runId)),
  resume: inTeam("read")
    .input(RunById)
    .mutation(({ ctx, input }) => control.resumeRun(ctx, input.runId)),
  setPriority: inTeam("read")
    .input(SetPriority)
    .mutation(({ ctx, input }) => control.setPriority(ctx, input.runId, input.priority)),
  rerun: inTeam("run.launch")
    .input(RunById)
    .mutation(({ ctx, input }) => control.rerun(ctx, input.runId)),
  continue: inTeam("run.launch")
    .input(ContinueRun)
    .mutation(({ ctx, input }) => control.continueRun(ctx, input.runId, input.checkpointId)),
  versionOfCheckpoint: inTeam("run.launch")
    .input(CheckpointOfRun)
    .mutation(({ ctx, input }) => control.versionOfCheckpoint(ctx, input.runId, input.checkpointId)),
  series: inTeam("read")
    .input(RunNumber)
    .query(({ ctx, input }) => screens.series(ctx, input.run)),
  metrics: inTeam("read")
    .input(MetricsQuery)
    .query(({ ctx, input }) => screens.metrics(ctx, input)),
  compare: inTeam("read")
    .input(CompareRuns)
    .query(({ ctx, input }) => comparison.compare(ctx, input.runs)),
  compareMetric: inTeam("read")
    .input(CompareMetric)
    .query(({ ctx, input }) => comparison.compareMetric(ctx, input)),
  /** What its script tracked: params, tags, artifacts, models. */
  tracked: inTeam("read")
    .input(RunNumber)
    .query(({ ctx, input }) => tracking.tracked(ctx, input.run)),
  setTag: inTeam("run.launch")
    .input(SetRunTag)
    .mutation(({ ctx, input }) => tracking.setTag(ctx, input)),
  deleteTag: inTeam("run.launch")
    .input(TagOfRun)
    .mutation(({ ctx, input }) => tracking.deleteTag(ctx, input)),
  logs: inTeam("read")
    .input(LogsQuery)
    .query(({ ctx, input }) => screens.logs(ctx, input)),
  searchLogs: inTeam("read")
    .input(LogSearch)
    .query(({ ctx, input }) => screens.searchLogs(ctx, input)),
  logAt: inTeam("read")
    .input(LogAt)
    .query(({ ctx, input }) => screens.logAt(ctx, input)),
  use: inTeam("read")
    .input(RunNumber)
    .query(({ ctx, input }) => screens.use(ctx, input.run)),
  heat: inTeam("read")
    .input(HeatQuery)
    .query(({ ctx, input }) => screens.heat(ctx, input)),
});
