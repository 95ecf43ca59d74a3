import { z } from "zod";
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
    .mutation(({ ctx, input }) => service.createDataset(ctx, input)),
});
