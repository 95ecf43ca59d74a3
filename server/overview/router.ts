import { inTeam, router } from "../platform/trpc/trpc";
import { needs } from "./service";

export const overviewRouter = router({
  needs: inTeam("read").query(({ ctx }) => needs(ctx)),
});
