import { may, type TeamContext } from "../platform/context";
import { countNeeds } from "./repo";

/** What the top bar says: problems first, then approvals this person could give. */
export async function needs(ctx: TeamContext) {
  const counts = await countNeeds(ctx.db, ctx.teamId, ctx.actor.id);
  const problems = counts.failedRuns + counts.failedReplicas;
  const approvals = may(ctx, "release.approve") ? counts.approvals : 0;
  const href = counts.failedReplicas > 0 || approvals > 0 ? "/releases" : "/training";
  return { running: counts.running, problems, approvals, href };
}
