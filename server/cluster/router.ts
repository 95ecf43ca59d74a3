import { inTeam, router } from "../platform/trpc/trpc";
import { CapacityQuery, LedgerQuery, SetPrice } from "./contract";
import * as service from "./service";

export const clusterRouter = router({
  overview: inTeam("read").query(({ ctx }) => service.overview(ctx)),
  capacity: inTeam("read")
    .input(CapacityQuery)
    .query(({ ctx, input }) => service.capacity(ctx, input)),
  setPrice: inTeam("pool.edit")
    .input(SetPrice)
    .mutation(({ ctx, input }) => service.setPrice(ctx, input)),
  ledger: inTeam("read")
    .input(LedgerQuery)
    .query(({ ctx, input }) => service.ledger(ctx, input)),
});
