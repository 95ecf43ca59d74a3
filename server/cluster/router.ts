import { inTeam, router } from "../platform/trpc/trpc";
import { ChangesQuery } from "./changes-contract";
import {
  CapacityQuery,
  DecisionQuery,
  LedgerQuery,
  NodeQuery,
  ReplayQuery,
  SetPool,
  TakeOut,
  UsageQuery,
} from "./contract";
import * as service from "./service";

export const clusterRouter = router({
  overview: inTeam("read").query(({ ctx }) => service.overview(ctx)),
  changes: inTeam("read")
    .input(ChangesQuery)
    .query(({ ctx, input }) => service.changes(ctx, input)),
  readings: inTeam("read").query(({ ctx }) => service.readings(ctx)),
  capacity: inTeam("read")
    .input(CapacityQuery)
    .query(({ ctx, input }) => service.capacity(ctx, input)),
  editPool: inTeam("pool.edit")
    .input(SetPool)
    .mutation(({ ctx, input }) => service.editPool(ctx, input)),
  node: inTeam("read")
    .input(NodeQuery)
    .query(({ ctx, input }) => service.nodePage(ctx, input)),
  usage: inTeam("read")
    .input(UsageQuery)
    .query(({ ctx, input }) => service.usage(ctx, input)),
  takeOutPreview: inTeam("node.drain")
    .input(NodeQuery)
    .query(({ ctx, input }) => service.takeOutPreview(ctx, input)),
  takeOut: inTeam("node.drain")
    .input(TakeOut)
    .mutation(({ ctx, input }) => service.takeOut(ctx, input)),
  replay: inTeam("read")
    .input(ReplayQuery)
    .query(({ ctx, input }) => service.replayPast(ctx, input)),
  waiting: inTeam("read").query(({ ctx }) => service.waiting(ctx)),
  decision: inTeam("read")
    .input(DecisionQuery)
    .query(({ ctx, input }) => service.decision(ctx, input)),
  ledger: inTeam("read")
    .input(LedgerQuery)
    .query(({ ctx, input }) => service.ledger(ctx, input)),
});
