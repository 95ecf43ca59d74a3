"use client";
import { keepPreviousData, useInfiniteQuery, useQueries, useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useDeferredValue, useEffect, useRef, useState } from "react";
import { useTail } from "@/components/live/provider";
import { type Outputs, useTRPC } from "@/components/trpc/client";
import { Button } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { EmptyState, Skeleton } from "@/components/ui/feedback";
import { Input } from "@/components/ui/field";
import { count } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { Segmented } from "@/components/ui/segmented";
import { Select } from "@/components/ui/select";
import type { RunDetail } from "./types";

type Line = Outputs["runs"]["logs"]["lines"][number];

const LINE_PX = 18;
/** Lines read at once; the newest so many are always at hand. */
const PAGE = 500;
const LEVELS = [
  { value: "all", label: "all" },
  { value: "info", label: "info" },
  { value: "warning", label: "warning" },
  { value: "error", label: "error" },
] as const;
type LevelChoice = (typeof LEVELS)[number]["value"];

/** A moment of a run that the log is to be opened at; a new object leads there again. */
export interface LogMoment {
  rank: number | null;
  /** Unix ms. */
  ts: number;
}

/** Logs of all ranks or one: any line at once, searched on the server; follows the end while it is in sight. */
export function LogsPanel({ team, run, moment }: { team: string; run: RunDetail; moment: LogMoment | null }) {
  const [rank, setRank] = useState("all");
  const [level, setLevel] = useState<LevelChoice>("all");
  const [typed, setTyped] = useState("");
  /** The line that was asked for: shown, and marked. */
  const [at, setAt] = useState<number | null>(null);
  const search = useDeferredValue(typed.trim());
  const filters = search !== "" || level !== "all";
  const of = { team, run: run.number, ...(rank !== "all" && { rank: Number(rank) }) };
  const choose = (next: string) => {
    setRank(next);
    setAt(null);
  };
  useMoment(team, run.number, moment, (index, ofRank) => {
    setRank(ofRank === null ? "all" : String(ofRank));
    setLevel("all");
    setTyped("");
    setAt(index);
  });
  const ranks = [
    { value: "all", label: "all ranks" },
    { value: "-1", label: "driver" },
    ...Array.from({ length: run.resources.workers }, (_, i) => ({ value: String(i), label: `rank ${i}` })),
  ];
  return (
    <Panel title="Logs">
      <div className="ph-row log-filters">
        <Input
          aria-label="Search the logs"
          placeholder="Search"
          value={typed}
          onValueChange={setTyped}
          className="grow"
        />
        <Select label="Rank" options={ranks} value={rank} onValueChange={choose} />
        <Segmented label="At least" options={LEVELS} value={level} onValueChange={setLevel} />
      </div>
      {filters ? (
        <Matches
          of={of}
          runId={run.id}
          search={search}
          level={level}
          onOpen={(index) => {
            setTyped("");
            setLevel("all");
            setAt(index);
          }}
        />
      ) : (
        <WholeLog key={rank} of={of} runId={run.id} at={at} />
      )}
    </Panel>
  );
}

type LogOf = { team: string; run: number; rank?: number };

/** Finds the line of a moment and opens it. */
function useMoment(
  team: string,
  run: number,
  moment: LogMoment | null,
  open: (index: number, rank: number | null) => void,
): void {
  const trpc = useTRPC();
  const { data } = useQuery(
    trpc.runs.logAt.queryOptions(
      { team, run, ts: Math.round(moment?.ts ?? 0), ...(moment?.rank != null && { rank: moment.rank }) },
      { enabled: moment !== null },
    ),
  );
  const opened = useRef<LogMoment | null>(null);
  useEffect(() => {
    if (!moment || opened.current === moment || data === undefined) return;
    opened.current = moment;
    if (data.index !== null) open(data.index, moment.rank);
  });
}

interface WholeProps {
  of: LogOf;
  runId: string;
  at: number | null;
}

/** The log as one long list, of which only what is in sight is read. */
function WholeLog({ of, runId, at }: WholeProps) {
  const trpc = useTRPC();
  const tail = useQuery(
    trpc.runs.logs.queryOptions({ ...of, limit: PAGE }, { placeholderData: keepPreviousData }),
  );
  useTail(runId, (what) => {
    if (what === "logs" && !tail.isFetching) void tail.refetch();
  });
  const total = tail.data?.total ?? 0;
  const [following, setFollowing] = useState(true);
  const frame = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: total,
    getScrollElement: () => frame.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });
  const items = rows.getVirtualItems();
  const from = tail.data?.from ?? 0;
  const wanted = new Set(
    items.filter(({ index }) => index < from).map(({ index }) => Math.floor(index / PAGE)),
  );
  const pages = useQueries({
    queries: [...wanted].map((page) =>
      // A line that is written never changes.
      trpc.runs.logs.queryOptions(
        { ...of, from: page * PAGE, limit: PAGE },
        { staleTime: Number.POSITIVE_INFINITY },
      ),
    ),
    combine: (all) => all.flatMap(({ data }) => data?.lines ?? []),
  });
  const lines = new Map<number, Line>(
    [...pages, ...(tail.data?.lines ?? [])].map((line) => [line.index, line]),
  );

  useEffect(() => {
    if (following && total > 0) rows.scrollToIndex(total - 1, { align: "end" });
  }, [following, total, rows]);
  const isThere = total > 0;
  useEffect(() => {
    if (at === null || !isThere) return;
    setFollowing(false);
    rows.scrollToIndex(at, { align: "center" });
  }, [at, isThere, rows]);

  if (tail.isPending) return <Skeleton />;
  if (total === 0)
    return <EmptyState title="No lines yet">Each rank's output appears here as it is written.</EmptyState>;
  return (
    <Frame
      frame={frame}
      height={rows.getTotalSize()}
      label={`${count(total)} lines`}
      foot={
        following ? (
          "following"
        ) : (
          <Button size="sm" variant="ghost" onClick={() => setFollowing(true)}>
            Follow the end
          </Button>
        )
      }
      onScroll={setFollowing}
    >
      {items.map((item) => (
        <Row key={item.key} line={lines.get(item.index)} top={item.start} isAt={item.index === at} />
      ))}
    </Frame>
  );
}

interface MatchesProps {
  of: LogOf;
  runId: string;
  search: string;
  level: LevelChoice;
  onOpen: (index: number) => void;
}

/** Lines that match, oldest first; pressing one shows it among its neighbours. */
function Matches({ of, runId, search, level, onOpen }: MatchesProps) {
  const trpc = useTRPC();
  const found = useInfiniteQuery(
    trpc.runs.searchLogs.infiniteQueryOptions(
      { ...of, limit: PAGE, ...(search && { search }), ...(level !== "all" && { level }) },
      { getNextPageParam: (page) => page.next, initialCursor: null, placeholderData: keepPreviousData },
    ),
  );
  const isLast = !found.hasNextPage;
  useTail(runId, (what) => {
    if (what === "logs" && isLast && !found.isFetching) void found.refetch();
  });
  const lines = found.data?.pages.flatMap((page) => page.lines) ?? [];
  const frame = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => frame.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });
  const items = rows.getVirtualItems();
  const nearEnd = (items.at(-1)?.index ?? 0) >= lines.length - 50;
  useEffect(() => {
    if (nearEnd && found.hasNextPage && !found.isFetchingNextPage) void found.fetchNextPage();
  }, [nearEnd, found]);
  if (found.isPending) return <Skeleton />;
  if (lines.length === 0)
    return (
      <EmptyState title={found.isFetching ? "Searching" : "No line matches"}>
        Search for less, choose all levels or all ranks.
      </EmptyState>
    );
  return (
    <Frame
      frame={frame}
      height={rows.getTotalSize()}
      label={`${count(lines.length)}${isLast ? "" : " or more"} matching lines`}
    >
      {items.map((item) => (
        <Row key={item.key} line={lines[item.index]} top={item.start} onOpen={onOpen} />
      ))}
    </Frame>
  );
}

interface FrameProps {
  frame: React.RefObject<HTMLDivElement | null>;
  height: number;
  label: string;
  foot?: React.ReactNode;
  onScroll?: (atEnd: boolean) => void;
  children: React.ReactNode;
}

const Frame = ({ frame, height, label, foot, onScroll, children }: FrameProps) => (
  <>
    <div
      ref={frame}
      className="logs"
      role="log"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) =>
        onScroll?.(scrollTop + clientHeight >= scrollHeight - LINE_PX)
      }
    >
      <div style={{ height, position: "relative" }}>{children}</div>
    </div>
    <p className="logs-foot row t2 s12">
      <span className="grow">{label}</span>
      {foot}
    </p>
  </>
);

interface RowProps {
  /** Not there while it is on its way. */
  line: Line | undefined;
  top: number;
  isAt?: boolean;
  onOpen?: (index: number) => void;
}

function Row({ line, top, isAt = false, onOpen }: RowProps) {
  const content = line && (
    <>
      <span className="t3 num">{count(line.number)}</span>
      <span className="t3">{line.rank < 0 ? "drv" : `r${line.rank}`}</span>
      <span>{line.text}</span>
    </>
  );
  const look = {
    className: cx("log-line", line?.level, isAt && "at"),
    style: { transform: `translateY(${top}px)` },
  };
  return onOpen && line ? (
    <button type="button" {...look} onClick={() => onOpen(line.index)} title="Show it among its neighbours">
      {content}
    </button>
  ) : (
    <div {...look} aria-current={isAt || undefined}>
      {content}
    </div>
  );
}
