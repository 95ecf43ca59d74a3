import { z } from "zod";
import { inTeam, router } from "../platform/trpc/trpc";
import { ListEntries } from "./contract";
import * as log from "./log";

export const auditRouter = router({
  list: inTeam("read")
    .input(ListEntries)
    .query(({ ctx, input }) => log.list(ctx, input)),
  count: inTeam("read")
    .input(ListEntries)
    .query(({ ctx, input }) => log.count(ctx, input)),
  facets: inTeam("read").query(({ ctx }) => log.facets(ctx)),
  entry: inTeam("read")
    .input(z.object({ seq: z.number().int().positive() }))
    .query(({ ctx, input }) => log.entry(ctx, input)),
  verify: inTeam("read").query(({ ctx }) => log.verify(ctx)),
});
