import { inTeam, onDisplay, router } from "../platform/trpc/trpc";
import { Search } from "./contract";
import { page } from "./page";
import * as service from "./service";

export const overviewRouter = router({
  page: inTeam("read").query(({ ctx }) => page(ctx)),
  /** The same for a screen on a wall. */
  wall: onDisplay.query(async ({ ctx }) => ({ team: ctx.teamSlug, ...(await page(ctx)) })),
  needs: inTeam("read").query(({ ctx }) => service.needs(ctx)),
  search: inTeam("read")
    .input(Search)
    .query(({ ctx, input }) => service.search(ctx, input)),
});
