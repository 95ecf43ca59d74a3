"use client";
/** Runs a search for a target in the warm session; what it settles on turns the dials and is followed as measured. */
import { type Dispatch, useCallback, useReducer, useRef } from "react";
import { readError, useTRPCClient } from "@/components/trpc/client";
import type { Settings } from "@/server/studio/contract";
import type { Target } from "@/server/studio/session-contract";
import type { MeasuringEvent } from "./measuring";
import { reduceSearch, type Search } from "./search";
import type { Claim } from "./use-measure";

interface Props {
  team: string;
  sessionId: string | null;
  claim: () => Claim;
  follow: Dispatch<MeasuringEvent>;
  onSettled: (settings: Settings) => void;
}

interface UseSearch {
  search: Search | null;
  find: (target: Target, settings: Settings) => void;
  cancel: () => void;
}

export function useSearch({ team, sessionId, claim, follow, onSettled }: Props): UseSearch {
  const client = useTRPCClient();
  const [search, dispatch] = useReducer(reduceSearch, null);
  const end = useRef<() => void>(undefined);

  const run = useCallback(
    async (session: string, target: Target, settings: Settings) => {
      const { rev, signal, end: abort } = claim();
      end.current = abort;
      signal.addEventListener("abort", () => dispatch({ type: "ended", rev }));
      dispatch({ type: "asked", rev, target });
      try {
        const lines = await client.studio.solve.mutate(
          { team, sessionId: session, rev, target, settings },
          { context: { stream: true }, signal },
        );
        for await (const line of lines) {
          if (signal.aborted) return;
          dispatch({ type: "line", line });
          if (line.type === "settled") {
            follow({ type: "asked", rev, settings: line.settings });
            onSettled(line.settings);
          } else {
            follow({ type: "line", line });
          }
        }
      } catch (error) {
        if (!signal.aborted) dispatch({ type: "broke", rev, message: readError(error).message });
      }
    },
    [claim, client, follow, onSettled, team],
  );

  const find = useCallback(
    (target: Target, settings: Settings) => {
      if (sessionId !== null) void run(sessionId, target, settings);
    },
    [run, sessionId],
  );
  const cancel = useCallback(() => end.current?.(), []);
  return { search, find, cancel };
}
