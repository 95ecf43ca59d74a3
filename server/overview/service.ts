import type { z } from "zod";
import { may, type TeamContext } from "../platform/context";
import { approvalsWaiting } from "../releases/service";
import type { Search } from "./contract";
import * as repo from "./repo";

export { problemsNow, type SharedFacts, sharedFacts } from "./facts";
export { gatherInstallation } from "./gauges";
export { byRule, together } from "./groups";
export type { Problem } from "./problems";

/** What the top bar says: alerts that nobody has taken up first, then approvals this person could give. */
export async function needs(ctx: TeamContext) {
  const counts = await repo.countNeeds(ctx.db, ctx.teamId);
  const approvals = may(ctx, "release.approve") ? await approvalsWaiting(ctx) : 0;
  const href = counts.alerts > 0 ? "/alerts" : "/releases";
  return { running: counts.running, problems: counts.alerts, approvals, href };
}

/** What the palette finds beyond pages and actions. */
export const search = (ctx: TeamContext, input: z.infer<typeof Search>) =>
  repo.search(ctx.db, ctx.teamId, input.query);
