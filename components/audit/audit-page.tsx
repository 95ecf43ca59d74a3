"use client";
import { useInfiniteQuery, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { usePathname, useRouter, useSearchParams } from "next/navigation";
import { type Outputs, useTRPC } from "@/components/trpc/client";
import { Button } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { Input } from "@/components/ui/field";
import { clockTime, count, datetime, ms, plural, shortDigest } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { Select } from "@/components/ui/select";
import { StatusDot } from "@/components/ui/status";
import { Table } from "@/components/ui/table";
import { EntryPanel } from "./entry-panel";
import { actionWords, actorWords } from "./words";

/** The choice that filters nothing. */
const ALL = "all";

type Entry = Outputs["audit"]["list"]["entries"][number];

/** Who did what to what: the chain's state, filters, the list, and one entry beside it. */
export function AuditPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const { get, set } = useParams();
  const { data: facets } = useSuspenseQuery(trpc.audit.facets.queryOptions({ team }));
  const filter = {
    team,
    search: get("q") || null,
    actor: get("actor") || null,
    action: get("action") || null,
    target: get("target") || null,
  };
  const list = useInfiniteQuery(
    trpc.audit.list.infiniteQueryOptions(filter, { getNextPageParam: (page) => page.next ?? undefined }),
  );
  const { data: total } = useQuery(trpc.audit.count.queryOptions(filter));
  const entries = list.data?.pages.flatMap((page) => page.entries) ?? [];
  const chosen = Number(get("entry")) || null;
  const isFiltered = Boolean(filter.search ?? filter.actor ?? filter.action ?? filter.target);
  return (
    <>
      <PageHeader
        title="Audit"
        meta="every change, written in its own transaction"
        crumbs={[{ label: "Audit" }]}
      />
      <ChainState team={team} />
      <search className="audit-filters">
        <Input
          type="search"
          aria-label="Search sentences and digests"
          placeholder="What or digest"
          value={filter.search ?? ""}
          onValueChange={(q) => set({ q })}
        />
        <Select
          label="Who"
          value={filter.actor ?? ALL}
          onValueChange={(actor) => set({ actor: actor === ALL ? "" : actor })}
          options={[
            { value: ALL, label: "anyone" },
            ...facets.actors.map(({ actor, name }) => ({ value: actor, label: name ?? actor })),
          ]}
        />
        <Select
          label="Did"
          value={filter.action ?? ALL}
          onValueChange={(action) => set({ action: action === ALL ? "" : action })}
          options={[
            { value: ALL, label: "anything" },
            ...facets.actions.map((action) => ({ value: action, label: actionWords(action) })),
          ]}
        />
        {filter.target && <span className="t2">about {filter.target}</span>}
        <span className="grow" />
        <span className="t2">{total ? plural(total.n, "entry", "entries") : ""}</span>
        {isFiltered && (
          <Button variant="ghost" onClick={() => set({ q: "", actor: "", action: "", target: "" })}>
            Clear
          </Button>
        )}
      </search>
      <div className="audit-columns">
        <Panel label="Entries">
          <Table<Entry>
            label="Audit entries"
            rows={entries}
            rowKey={(e) => e.id}
            loading={list.isPending}
            loadingMore={list.isFetchingNextPage}
            onEndReached={() => list.hasNextPage && !list.isFetchingNextPage && void list.fetchNextPage()}
            onRowPress={(e) => set({ entry: String(e.seq) })}
            isSelected={(e) => e.seq === chosen}
            columns={[
              { key: "seq", head: "Entry", align: "end", width: "64px", cell: (e) => count(e.seq) },
              {
                key: "time",
                head: "Time, UTC",
                width: "132px",
                cell: (e) => <span title={datetime(e.createdAt.getTime())}>{dayAndTime(e.createdAt)}</span>,
              },
              { key: "who", head: "Who", width: "128px", cell: actorWords },
              {
                key: "did",
                head: "Did",
                width: "148px",
                cell: (e) => <span className="m">{actionWords(e.action)}</span>,
              },
              { key: "what", head: "What", cell: (e) => <span title={e.summary}>{e.summary}</span> },
            ]}
            empty={
              <EmptyState title={isFiltered ? "No entry matches" : "No entries yet"}>
                {isFiltered
                  ? "Clear a filter to see more."
                  : "Every change of this team will be listed here."}
              </EmptyState>
            }
          />
          {list.hasNextPage && (
            <div className="ph-row">
              <Button variant="ghost" onClick={() => void list.fetchNextPage()}>
                Show older entries
              </Button>
            </div>
          )}
        </Panel>
        <EntryPanel
          team={team}
          seq={chosen ?? entries[0]?.seq ?? null}
          onTarget={(target) => set({ target })}
        />
      </div>
    </>
  );
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const dayAndTime = (at: Date) => `${DAY.format(at)} ${clockTime(at.getTime())}`;

function ChainState({ team }: { team: string }) {
  const trpc = useTRPC();
  const { data, isFetching, refetch } = useSuspenseQuery(
    // Checking reads the whole chain: it happens when asked for, not with every new entry.
    trpc.audit.verify.queryOptions({ team }, { staleTime: Number.POSITIVE_INFINITY }),
  );
  return (
    <section className="panel chain-state" aria-label="Chain">
      <StatusDot state={data.broken ? "bad" : "ok"}>
        <b>{data.broken ? `Chain broken at entry ${count(data.broken.seq)}` : "Chain verified"}</b>
      </StatusDot>
      <span className="t2">
        {data.broken ? `${data.broken.why} ` : ""}
        {count(data.checked)} of {count(data.broken ? data.broken.seq : data.checked)} entries checked
        {data.broken ? "" : ", unbroken from the first"}. Head{" "}
        <span className="digest">{shortDigest(data.head)}</span>. Checked at {clockTime(data.at.getTime())} in{" "}
        {ms(data.tookMs)}.
      </span>
      <span className="grow" />
      <Button busy={isFetching ? "Verifying…" : undefined} onClick={() => void refetch()}>
        Verify again
      </Button>
    </section>
  );
}

/** Filters and the open entry live in the address, so that a link shows the same. */
function useParams() {
  const params = useSearchParams();
  const router = useRouter();
  const path = usePathname();
  const set = (changes: Record<string, string>) => {
    const next = new URLSearchParams(params);
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    router.replace(`${path}?${next}`, { scroll: false });
  };
  return { get: (name: string) => params.get(name) ?? "", set };
}
