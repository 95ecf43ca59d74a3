import { z } from "zod";
import { Id } from "../platform/atoms";
import { inTeam, router } from "../platform/trpc/trpc";
import { Commit } from "./contract";
import * as service from "./service";
import { EvaluateSettings, OneSample, OpenSession, Solve } from "./session-contract";

const OneSession = z.object({ sessionId: Id });

export const studioRouter = router({
  open: inTeam("studio.use")
    .input(OpenSession)
    .mutation(({ ctx, input }) => service.openSession(ctx, input)),
  session: inTeam("read")
    .input(OneSession)
    .query(({ ctx, input }) => service.session(ctx, input.sessionId)),
  baseline: inTeam("studio.use")
    .input(OneSession)
    .query(({ ctx, input }) => service.baseline(ctx, input.sessionId)),
  sample: inTeam("studio.use")
    .input(OneSample)
    .query(({ ctx, input }) => service.sample(ctx, input)),
  history: inTeam("read")
    .input(OpenSession)
    .query(({ ctx, input }) => service.history(ctx, input)),
  /** The versions that can be merged into this one, and why the others can't. */
  mergePartners: inTeam("read")
    .input(OpenSession)
    .query(({ ctx, input }) => service.mergePartners(ctx, input)),
  /** Answers in parts until the measurement is done; a client that goes away ends it. */
  evaluate: inTeam("studio.use")
    .input(EvaluateSettings)
    .mutation(async function* ({ ctx, input, signal }) {
      yield* service.evaluate(ctx, input, signal ?? new AbortController().signal);
    }),
  /** As `evaluate`, after a search for settings that meet a target. */
  solve: inTeam("studio.use")
    .input(Solve)
    .mutation(async function* ({ ctx, input, signal }) {
      yield* service.solve(ctx, input, signal ?? new AbortController().signal);
    }),
  commit: inTeam("version.commit")
    .input(Commit)
    .mutation(({ ctx, input }) => service.commit(ctx, input)),
  commitProgress: inTeam("read")
    .input(z.object({ runId: Id }))
    .query(({ ctx, input }) => service.commitProgress(ctx, input.runId)),
});
