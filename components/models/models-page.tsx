"use client";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { type Outputs, readError, useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button } from "@/components/ui/button";
import { Digest } from "@/components/ui/digest";
import { EmptyState } from "@/components/ui/feedback";
import { figureOf, figuresOf } from "@/components/ui/figure";
import { bytes, count, plural } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { SearchField } from "@/components/ui/search-field";
import { StatusDot } from "@/components/ui/status";
import { type Column, Table } from "@/components/ui/table";
import { useToast } from "@/components/ui/toast";
import { useUrlState } from "@/components/ui/use-url-state";
import { DropTarget, FilePicker } from "@/components/uploads/drop-target";
import { ArtifactSheet } from "./artifact-sheet";
import { UploadSheet } from "./upload-sheet";
import { VersionStateDot } from "./version-state";

type Row = Outputs["models"]["list"]["models"][number];

const SERVING_STATE = { ready: "ok", starting: "running", failed: "bad", asleep: "off" } as const;

export function ModelsPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const may = useMay(team);
  const [query, setQuery] = useUrlState("q");
  const asked = useDeferredValue(query);
  const [file, setFile] = useState<File | null>(null);
  const list = useInfiniteQuery(
    trpc.models.list.infiniteQueryOptions(
      { team, query: asked, limit: 50 },
      { getNextPageParam: (last) => last.nextCursor, placeholderData: (before) => before },
    ),
  );
  const rows = list.data?.pages.flatMap((page) => page.models) ?? [];
  const total = list.data?.pages[0]?.total;
  const reason = may("model.upload") ? undefined : "Uploading needs the role engineer.";
  const take = (files: File[]) => !reason && setFile(files[0] ?? null);

  return (
    <DropTarget invitation={reason ?? "Drop an ONNX file to upload it"} onFiles={take}>
      <PageHeader
        title="Models"
        crumbs={[{ label: "Models" }]}
        meta={total && `${plural(total.models, "model")}, ${plural(total.versions, "version")}`}
        actions={
          reason ? (
            <Button variant="primary" reason={reason}>
              Upload a model…
            </Button>
          ) : (
            <FilePicker label="Upload a model…" accept=".onnx" onFiles={take} />
          )
        }
      />
      <div className="col">
        <SearchField value={query} onValueChange={setQuery} placeholder="Name, task or digest" />
        {list.isError ? (
          <QueryError error={list.error} remedy="Other pages still work." onRetry={list.refetch} />
        ) : (
          <div className="panel">
            <Table<Row>
              label="Models"
              columns={columns(rows)}
              rows={rows}
              rowKey={(row) => row.id}
              rowHref={(row) => `/${team}/models/${row.name}`}
              loading={list.isPending}
              loadingMore={list.isFetchingNextPage}
              onEndReached={() => list.hasNextPage && !list.isFetching && void list.fetchNextPage()}
              empty={asked ? <NothingFound query={asked} /> : <NoModels team={team} canUpload={!reason} />}
            />
          </div>
        )}
        {rows.length > 0 && total && (
          <p className="t3 s12">
            {rows.length} of {asked ? "those found" : count(total.models)}. Rows load as you scroll; an ONNX
            file may be dropped anywhere on this page.
          </p>
        )}
      </div>
      <UploadSheet team={team} file={file} onClose={() => setFile(null)} />
      <ArtifactSheet team={team} />
    </DropTarget>
  );
}

/** Columns of the list; what is in production only where the console can tell. */
function columns(rows: readonly Row[]): Column<Row>[] {
  const knowsProduction = rows.some((row) => row.serving !== null);
  const { head, prefix } = figuresOf(rows.map((row) => row.measured?.task));
  const production: Column<Row> = {
    key: "production",
    head: "Production",
    cell: ({ serving }) =>
      serving ? (
        <StatusDot state={SERVING_STATE[serving.state]}>
          v{serving.versionNumber} {serving.state}
        </StatusDot>
      ) : (
        <span className="t2">not served</span>
      ),
  };
  return [
    { key: "name", head: "Model", cell: (row) => row.name },
    { key: "task", head: "Task", cell: (row) => row.task },
    {
      key: "latest",
      head: "Latest",
      cell: ({ latest }) =>
        latest && (
          <span className="row">
            <span>v{latest.number}</span>
            <Digest value={latest.digest} />
            {latest.state !== "ready" && <VersionStateDot state={latest.state} />}
          </span>
        ),
    },
    ...(knowsProduction ? [production] : []),
    { key: "size", head: "Size", align: "end", cell: ({ latest }) => latest && bytes(latest.bytes) },
    {
      key: "accuracy",
      head,
      align: "end",
      cell: ({ measured, latest }) =>
        measured ? (
          <span title={`v${measured.number} on ${measured.dataset}, n = ${count(measured.n)}, 95% interval`}>
            {prefix(measured.task)}
            {figureOf(measured.task).value(measured.accuracy)}{" "}
            <span className="t2">{figureOf(measured.task).half(measured.halfWidth)}</span>
            {measured.number !== latest?.number && <span className="t3"> v{measured.number}</span>}
          </span>
        ) : (
          <StatusDot state="not-measured">not measured</StatusDot>
        ),
    },
    {
      key: "activity",
      head: "Last activity",
      align: "end",
      cell: (row) => <Age at={row.updatedAt} form="ago" />,
    },
  ];
}

function NothingFound({ query }: { query: string }) {
  return (
    <EmptyState title={`No model matches “${query}”`}>
      Names, tasks and the beginnings of digests are searched.
    </EmptyState>
  );
}

function NoModels({ team, canUpload }: { team: string; canUpload: boolean }) {
  const trpc = useTRPC();
  const toast = useToast();
  const queryClient = useQueryClient();
  const { data: isHere } = useQuery(trpc.models.sampleIsHere.queryOptions({ team }));
  const add = useMutation(
    trpc.models.addSample.mutationOptions({
      onSuccess: () => queryClient.invalidateQueries(),
      onError: (error) => toast({ state: "bad", title: readError(error).message }),
    }),
  );
  return (
    <EmptyState
      title="A model is a named line of versions"
      actions={
        canUpload &&
        isHere && (
          <Button busy={add.isPending ? "Adding…" : undefined} onClick={() => add.mutate({ team })}>
            Add the sample project
          </Button>
        )
      }
    >
      Drop an ONNX file here, or press “Upload a model…”. It is inspected in a sandbox before anything can use
      it.
      {isHere === false &&
        " There is no sample project: its data could not be fetched when the console started."}
    </EmptyState>
  );
}
