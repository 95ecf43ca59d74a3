import { z } from "zod";
import { Id } from "../platform/atoms";
import { inTeam, router } from "../platform/trpc/trpc";
import { editBudget } from "./budget";
import { CostQuery, EditBudget, SpendQuery } from "./contract";
import * as service from "./service";
import { costOfVersion } from "./version";

export const costRouter = router({
  page: inTeam("read")
    .input(CostQuery)
    .query(({ ctx, input }) => service.costPage(ctx, input)),
  spending: inTeam("read")
    .input(SpendQuery)
    .query(({ ctx, input }) => service.spending(ctx, input)),
  version: inTeam("read")
    .input(z.object({ versionId: Id }))
    .query(({ ctx, input }) => costOfVersion(ctx, input)),
  hold: inTeam("read").query(({ ctx }) => service.hold(ctx)),
  editBudget: inTeam("budget.edit")
    .input(EditBudget)
    .mutation(({ ctx, input }) => editBudget(ctx, input)),
});
