import { z } from "zod";
import { Id, Slug } from "../platform/atoms";
import { inTeam, router } from "../platform/trpc/trpc";
import { compare } from "./compare";
import { Compare, CreateFromArtifact, CreateFromUpload, Evaluate, ListModels, TryBatch } from "./contract";
import { addSample, sampleIsHere } from "./sample";
import * as service from "./service";
import { tryBatch } from "./tries";

export const modelsRouter = router({
  list: inTeam("read")
    .input(ListModels)
    .query(({ ctx, input }) => service.list(ctx, input)),
  page: inTeam("read")
    .input(z.object({ model: Slug }))
    .query(({ ctx, input }) => service.page(ctx, input.model)),
  version: inTeam("read")
    .input(z.object({ model: Slug, number: z.number().int().positive() }))
    .query(({ ctx, input }) => service.versionPage(ctx, input)),
  fitting: inTeam("read")
    .input(z.object({ datasetId: Id }))
    .query(({ ctx, input }) => service.versionsFitting(ctx.db, ctx.teamId, input.datasetId)),
  compare: inTeam("read")
    .input(Compare)
    .query(({ ctx, input }) => compare(ctx, input)),
  sampleIsHere: inTeam("read").query(() => sampleIsHere()),
  addSample: inTeam("model.upload").mutation(({ ctx }) => addSample(ctx)),
  createFromUpload: inTeam("model.upload")
    .input(CreateFromUpload)
    .mutation(({ ctx, input }) => service.createFromUpload(ctx, input)),
  createFromArtifact: inTeam("model.upload")
    .input(CreateFromArtifact)
    .mutation(({ ctx, input }) => service.createFromArtifact(ctx, input)),
  tryBatch: inTeam("run.launch")
    .input(TryBatch)
    .mutation(({ ctx, input }) => tryBatch(ctx, input)),
  evaluate: inTeam("run.launch")
    .input(Evaluate)
    .mutation(({ ctx, input }) => service.evaluate(ctx, input)),
});
