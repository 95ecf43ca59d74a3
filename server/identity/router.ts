import { z } from "zod";
import { seedSample } from "../models/sample";
import { permissionsOf } from "../platform/permissions";
import { inTeam, open, router, signedIn } from "../platform/trpc/trpc";
import { AcceptInvite, ChangeRoles, CreateInvite, CreateToken, Welcome } from "./contract";
import * as service from "./service";

export const identityRouter = router({
  needsFirstAdmin: open.query(({ ctx }) => service.needsFirstAdmin(ctx.db)),
  welcome: open.input(Welcome).mutation(({ ctx, input }) => service.welcome(ctx.db, input, seedSample)),
  describeInvite: open
    .input(z.object({ token: z.string() }))
    .query(({ ctx, input }) => service.describeInvite(ctx.db, input.token)),
  acceptInvite: open.input(AcceptInvite).mutation(({ ctx, input }) => service.acceptInvite(ctx.db, input)),

  me: signedIn.query(async ({ ctx }) => ({
    person: ctx.person,
    teams: (await service.teamsOf(ctx.db, ctx.person.id)).map((m) => ({
      ...m,
      permissions: permissionsOf(m.roles),
    })),
  })),

  members: inTeam("read").query(({ ctx }) => service.members(ctx)),
  changeRoles: inTeam("member.manage")
    .input(ChangeRoles)
    .mutation(({ ctx, input }) => service.changeRoles(ctx, input)),
  invites: inTeam("member.manage").query(({ ctx }) => service.invites(ctx)),
  createInvite: inTeam("member.manage")
    .input(CreateInvite)
    .mutation(({ ctx, input }) => service.createInvite(ctx, input)),
  revokeInvite: inTeam("member.manage")
    .input(z.object({ inviteId: z.string() }))
    .mutation(({ ctx, input }) => service.revokeInvite(ctx, input.inviteId)),

  tokens: inTeam("token.manage").query(({ ctx }) => service.tokens(ctx)),
  createToken: inTeam("token.manage")
    .input(CreateToken)
    .mutation(({ ctx, input }) => service.createToken(ctx, input)),
  revokeToken: inTeam("token.manage")
    .input(z.object({ tokenId: z.string() }))
    .mutation(({ ctx, input }) => service.revokeToken(ctx, input.tokenId)),
});
