"use client";
/** One live stream a tab. Pages say which topics they show; events become cache changes in `topics.ts`. */
import { useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from "react";
import type { LiveMessage, Topic } from "@/server/platform/live/contract";
import { useTRPCClient } from "../trpc/client";
import { Stale } from "./stale";
import { staleReads } from "./topics";

export type Connection =
  | { state: "live" }
  | { state: "catching-up" }
  /** Milliseconds since the epoch of the last sign of life. */
  | { state: "offline"; since: number };

type NewsListener = (what: "metrics" | "logs" | "tracked") => void;
interface Live {
  connection: Connection;
  /** Server time minus browser time, milliseconds: ages are told by the server's clock. */
  clockOffset: number;
  tail(runId: string, listener: NewsListener): () => void;
  /** Tries again at once. */
  reconnect(): void;
}

const LiveContext = createContext<Live | null>(null);
const TEAM_TOPICS: Topic[] = [
  "alerts",
  "cost",
  "models",
  "datasets",
  "runs",
  "releases",
  "cluster",
  "members",
  "audit",
  "studio",
  "hooks",
];

export function LiveProvider({ team, children }: { team: string; children: ReactNode }) {
  const client = useTRPCClient();
  const queryClient = useQueryClient();
  const [connection, setConnection] = useState<Connection>({ state: "catching-up" });
  const [clockOffset, setClockOffset] = useState(0);
  const [tails, setTails] = useState<readonly string[]>([]);
  const [tries, setTries] = useState(0);
  const newsListeners = useRef(new Map<string, Set<NewsListener>>());
  const cursor = useRef<string | null>(null);

  const [stale] = useState(() => new Stale(queryClient, () => document.hidden));
  useEffect(() => {
    const shown = () => stale.shown();
    document.addEventListener("visibilitychange", shown);
    return () => document.removeEventListener("visibilitychange", shown);
  }, [stale]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a try by hand opens the stream anew.
  useEffect(() => {
    const receive = (message: LiveMessage) => {
      if (message.type === "event") stale.mark(staleReads(message.topic));
      else if (message.type === "news")
        for (const tell of newsListeners.current.get(message.runId) ?? []) tell(message.what);
      else if (message.type === "resync") void queryClient.invalidateQueries();
      else setClockOffset(message.serverTime - Date.now());
    };
    const subscription = client.live.follow.subscribe(
      { team, topics: TEAM_TOPICS, tails: [...tails], lastEventId: cursor.current },
      {
        onStarted: () => setConnection({ state: "live" }),
        onData: (item) => {
          setConnection((c) => (c.state === "live" ? c : { state: "live" }));
          if ("id" in item) {
            cursor.current = item.id;
            receive(item.data);
          } else receive(item);
        },
        onConnectionStateChange: ({ state }) => {
          if (state === "pending") setConnection({ state: "live" });
          else if (state === "connecting")
            setConnection((c) => (c.state === "live" ? { state: "offline", since: Date.now() } : c));
        },
        onError: () =>
          setConnection((c) => (c.state === "offline" ? c : { state: "offline", since: Date.now() })),
      },
    );
    return () => subscription.unsubscribe();
  }, [client, queryClient, stale, team, tails, tries]);

  // The browser knows first that there is no network; a stream notices after half a minute.
  useEffect(() => {
    const left = () => setConnection({ state: "offline", since: Date.now() });
    const back = () => setTries((n) => n + 1);
    window.addEventListener("offline", left);
    window.addEventListener("online", back);
    return () => {
      window.removeEventListener("offline", left);
      window.removeEventListener("online", back);
    };
  }, []);

  const live = useMemo<Live>(
    () => ({
      connection,
      clockOffset,
      reconnect: () => setTries((n) => n + 1),
      tail(runId, listener) {
        const listeners = newsListeners.current.get(runId) ?? new Set();
        newsListeners.current.set(runId, listeners.add(listener));
        setTails((all) => (all.includes(runId) ? all : [...all, runId]));
        return () => {
          listeners.delete(listener);
          if (listeners.size === 0) {
            newsListeners.current.delete(runId);
            setTails((all) => all.filter((id) => id !== runId));
          }
        };
      },
    }),
    [connection, clockOffset],
  );
  return <LiveContext.Provider value={live}>{children}</LiveContext.Provider>;
}

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (!live) throw new Error("useLive needs a LiveProvider above it");
  return live;
}

/** Calls back when a run has new metrics, logs, or things it tracked, at most five times a second. */
export function useTail(runId: string, listener: NewsListener): void {
  const { tail } = useLive();
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `tail` changes with the connection; the stream must not restart for that.
  useEffect(() => tail(runId, (what) => latest.current(what)), [runId]);
}
