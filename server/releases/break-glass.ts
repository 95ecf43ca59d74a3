/** A release without approvals: for the night when nobody else is awake. It stays marked for ever. */
import type { z } from "zod";
import { record } from "../audit/service";
import { versionForWork } from "../models/service";
import { type TeamContext, transact } from "../platform/context";
import { Conflict, Invalid, NotFound } from "../platform/errors";
import { emit } from "../platform/live/outbox";
import { askToStop, lockTeamRun } from "../runs/service";
import type { BreakGlass } from "./contract";
import { release } from "./decide";
import { gatesNow, policyInForce } from "./judging";
import * as repo from "./repo";

/**
 * Releases the version of a request that waits, whatever its gates, approvals and freeze windows say.
 *
 * @throws Conflict when the version is not ready to be served or the request is decided, Invalid for another name
 */
export async function breakGlass(ctx: TeamContext, input: z.infer<typeof BreakGlass>) {
  return transact(ctx, async (tx) => {
    const { runId } = (await repo.findRequest(tx, ctx.teamId, input.number)) ?? {};
    // The run before the request, as whoever ends the run locks them.
    const run = runId ? await lockTeamRun(tx, ctx.teamId, runId) : null;
    const request = await repo.lockRequest(tx, ctx.teamId, input.number);
    if (!request) throw new NotFound(`There is no request ${input.number} in this team.`);
    if (request.state !== "open" && request.state !== "measuring") {
      throw new Conflict(`Request ${input.number} is ${request.state} already.`, {
        code: "request_not_open",
      });
    }
    const work = await versionForWork(tx, ctx.teamId, request.versionId);
    const name = `${work.model.name} v${work.version.number}`;
    if (input.name !== name) {
      throw new Invalid(`Type the version's name as it is: ${name}.`, { field: "name", code: "other_name" });
    }
    const policy = await policyInForce(tx, ctx.teamId, request);
    const overruled = (await gatesNow(tx, request, policy)).filter((gate) => gate.blocks);
    // The lane before the audit chain, as whoever switches it.
    await repo.lockLane(tx, request);
    await record(tx, ctx, {
      action: "promotion.glass_broken",
      target: { kind: "request", id: request.id },
      summary: `Released ${name} to ${request.environment} without approval, request ${request.number}: ${input.reason}`,
      before: { state: request.state },
      after: {
        state: "released",
        reason: input.reason,
        versionDigest: request.versionDigest,
        gatesOverruled: overruled.map((gate) => gate.label),
      },
    });
    const released = await release(tx, ctx, request, "released", input.reason);
    if (run && request.state === "measuring") await askToStop(tx, ctx, run);
    await emit(tx, { teamId: ctx.teamId, topic: "releases", key: request.id });
    return released;
  });
}
