import { tracked } from "@trpc/server";
import { inTeam, router } from "../trpc/trpc";
import { LiveInput } from "./contract";
import { follow } from "./subscription";

export const liveRouter = router({
  /** One stream a tab; resumed by the cursor of the last event seen. */
  follow: inTeam("read")
    .input(LiveInput)
    .subscription(async function* ({ ctx, input, signal }) {
      const tab = {
        teamId: ctx.teamId,
        topics: input.topics,
        tails: input.tails,
        cursor: input.lastEventId ?? null,
        signal: signal ?? new AbortController().signal,
      };
      // Messages that are not resumed carry no cursor of their own.
      for await (const [cursor, message] of follow(tab)) yield cursor ? tracked(cursor, message) : message;
    }),
});
