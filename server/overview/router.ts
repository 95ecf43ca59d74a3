import { inTeam, router } from "../platform/trpc/trpc";
import { Search } from "./contract";
import { page } from "./page";
import * as service from "./service";

export const overviewRouter = router({
  page: inTeam("read").query(({ ctx }) => page(ctx)),
  needs: inTeam("read").query(({ ctx }) => service.needs(ctx)),
  search: inTeam("read")
    .input(Search)
    .query(({ ctx, input }) => service.search(ctx, input)),
});
