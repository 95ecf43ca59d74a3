"use client";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useEffect, useRef, useState } from "react";
import { useTail } from "@/components/live/provider";
import { useTRPC } from "@/components/trpc/client";
import { EmptyState } from "@/components/ui/feedback";
import { Input } from "@/components/ui/field";
import { count } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import type { RunDetail } from "./types";

const LINE_PX = 18;
const PAGE = 500;

/** Logs of all ranks or one, searched on the server; follows the end while it is in sight. */
export function LogsPanel({ team, run }: { team: string; run: RunDetail }) {
  const trpc = useTRPC();
  const [rank, setRank] = useState("all");
  const [typed, setTyped] = useState("");
  const search = useDeferredValue(typed.trim());
  const logs = useInfiniteQuery(
    trpc.runs.logs.infiniteQueryOptions(
      {
        team,
        run: run.number,
        limit: PAGE,
        ...(rank !== "all" && { rank: Number(rank) }),
        ...(search && { search }),
      },
      { getNextPageParam: (page) => page.nextCursor, initialCursor: null },
    ),
  );
  const lines = logs.data?.pages.flatMap((page) => page.lines) ?? [];
  useTail(run.id, (what) => {
    if (what === "logs" && !logs.isFetching) void logs.refetch();
  });

  const frame = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => frame.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });
  useEffect(() => {
    if (following.current && lines.length > 0) rows.scrollToIndex(lines.length - 1, { align: "end" });
  }, [lines.length, rows]);
  useEffect(() => {
    if (logs.hasNextPage && !logs.isFetchingNextPage && following.current) void logs.fetchNextPage();
  }, [logs]);

  const ranks = [
    { value: "all", label: "all ranks" },
    { value: "-1", label: "driver" },
    ...Array.from({ length: run.resources.workers }, (_, i) => ({ value: String(i), label: String(i) })),
  ];
  return (
    <Panel title="Logs" subtitle={`${count(lines.length)} lines`}>
      <div className="ph-row">
        <Input
          aria-label="Search the logs"
          placeholder="Search"
          value={typed}
          onValueChange={setTyped}
          className="grow"
        />
        <Segmented label="Rank" options={ranks} value={rank} onValueChange={setRank} />
      </div>
      {lines.length === 0 ? (
        <EmptyState title={search ? "No line matches" : "No lines yet"}>
          {search
            ? "Search for less, or choose all ranks."
            : "Each rank's output appears here as it is written."}
        </EmptyState>
      ) : (
        <div
          ref={frame}
          className="logs"
          role="log"
          aria-label="Log lines"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
          tabIndex={0}
          onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
            following.current = scrollTop + clientHeight >= scrollHeight - LINE_PX;
          }}
        >
          <div style={{ height: rows.getTotalSize(), position: "relative" }}>
            {rows.getVirtualItems().map((item) => {
              const line = lines[item.index];
              return line ? (
                <div
                  key={item.key}
                  className={`log-line ${line.level}`}
                  style={{ transform: `translateY(${item.start}px)` }}
                >
                  <span className="t3">{line.rank < 0 ? "drv" : `r${line.rank}`}</span>
                  <span>{line.text}</span>
                </div>
              ) : null;
            })}
          </div>
        </div>
      )}
    </Panel>
  );
}
