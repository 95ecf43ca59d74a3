"use client";
/**
 * Measures the dials: when they are let go or rest for 120 ms, in the warm session, as a stream. Newer settings abort
 * what runs, here and, by their higher revision, in the session.
 */
import { type Dispatch, useCallback, useEffect, useReducer, useRef } from "react";
import { readError, useTRPCClient } from "@/components/trpc/client";
import { effective, type Settings } from "@/server/studio/contract";
import type { Measurement } from "@/server/studio/session-contract";
import { type Measuring, type MeasuringEvent, reduce } from "./measuring";
import { sameSettings } from "./settings";

const REST_MS = 120;

interface Props {
  team: string;
  /** Null while there is no session that is ready. */
  sessionId: string | null;
  /** The highest revision that the session is known to have seen. */
  lastRev: number;
  settings: Settings;
  /** Settings that need no measuring: the version itself. */
  isBaseline: boolean;
  known: readonly Measurement[];
  /** Samples of the whole test set: a setting that was measured on all of them is not measured again. */
  total: number;
}

/** A revision of the session, and what ends the work on it. */
export interface Claim {
  rev: number;
  signal: AbortSignal;
  end: () => void;
}

interface Measure {
  measuring: Measuring | null;
  again: () => void;
  /** Measures the dials as they stand, without waiting for them to rest. */
  now: () => void;
  /** Ends what is measured and answers the next revision, for work that measures by itself. */
  claim: () => Claim;
  /** What that work says of a measurement; a turned dial ends it as it ends any other. */
  follow: Dispatch<MeasuringEvent>;
}

export function useMeasure(props: Props): Measure {
  const { team, sessionId, lastRev, settings, isBaseline, known, total } = props;
  const client = useTRPCClient();
  const [measuring, dispatch] = useReducer(reduce, null);
  const rev = useRef(0);
  const running = useRef<AbortController | null>(null);
  const resting = useRef<() => void>(undefined);

  const claim = useCallback((): Claim => {
    running.current?.abort();
    const mine = new AbortController();
    running.current = mine;
    rev.current += 1;
    return { rev: rev.current, signal: mine.signal, end: () => mine.abort() };
  }, []);

  const measure = useCallback(
    async (what: Settings, session: string) => {
      const { rev: asked, signal } = claim();
      dispatch({ type: "asked", rev: asked, settings: what });
      try {
        const lines = await client.studio.evaluate.mutate(
          { team, sessionId: session, rev: asked, settings: what },
          { context: { stream: true }, signal },
        );
        let isBuilt = false;
        for await (const line of lines) {
          if (signal.aborted) return;
          isBuilt ||= line.type === "built";
          // Overtaken before it began: the session has seen higher revisions, of a tab before this one.
          if (line.type === "superseded" && !isBuilt && line.by > asked) {
            rev.current = line.by;
            void measure(what, session);
            return;
          }
          dispatch({ type: "line", line });
        }
      } catch (error) {
        if (!signal.aborted) dispatch({ type: "broke", rev: asked, message: readError(error).message });
      }
    },
    [claim, client, team],
  );

  useEffect(() => {
    rev.current = Math.max(rev.current, lastRev);
  }, [lastRev]);
  useEffect(() => () => running.current?.abort(), []);

  const isKnown = known.some((m) => m.n >= total && sameSettings(m.settings, settings));
  // Once it is being measured, its own entry in the history is no reason to stop.
  const isRunning =
    measuring !== null &&
    sameSettings(measuring.settings, settings) &&
    (measuring.state === "waiting" || measuring.state === "measuring" || measuring.state === "done");
  const wanted = sessionId !== null && !isBaseline && !isKnown && !isRunning;
  const dials = JSON.stringify(effective(settings));
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new setting or session starts it, its own progress does not
  useEffect(() => {
    if (!wanted || sessionId === null) {
      if (isBaseline || (isKnown && !isRunning)) running.current?.abort();
      return;
    }
    running.current?.abort();
    const stop = () => {
      clearTimeout(timer);
      resting.current = undefined;
    };
    const start = () => {
      stop();
      void measure(settings, sessionId);
    };
    const timer = setTimeout(start, REST_MS);
    resting.current = start;
    return stop;
  }, [sessionId, dials, isBaseline, isKnown]);

  // The last movement of a hand is drawn first, and with it these dials become the ones that rest.
  const now = useCallback(() => void setTimeout(() => resting.current?.()), []);

  const again = useCallback(() => {
    if (sessionId !== null) void measure(settings, sessionId);
  }, [measure, sessionId, settings]);

  return { measuring, again, now, claim, follow: dispatch };
}
