import { z } from "zod";
import { versionForWork } from "../models/service";
import { Slug } from "../platform/atoms";
import { inTeam, router } from "../platform/trpc/trpc";
import { CreateDataset, ListDatasets } from "./contract";
import * as service from "./service";

export const datasetsRouter = router({
  list: inTeam("read")
    .input(ListDatasets)
    .query(({ ctx, input }) => service.list(ctx, input)),
  page: inTeam("read")
    .input(z.object({ dataset: Slug }))
    .query(({ ctx, input }) => service.page(ctx, input.dataset)),
  create: inTeam("dataset.upload")
    .input(CreateDataset)
    .mutation(async ({ ctx, input }) => {
      const tryOn = input.tryOn === null ? null : await versionForWork(ctx.db, ctx.teamId, input.tryOn);
      return service.createDataset(ctx, { ...input, tryOn });
    }),
});
