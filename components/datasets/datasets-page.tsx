"use client";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { type Outputs, useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button } from "@/components/ui/button";
import { Digest } from "@/components/ui/digest";
import { EmptyState } from "@/components/ui/feedback";
import { bytes, count, plural } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { SearchField } from "@/components/ui/search-field";
import { type Column, Table } from "@/components/ui/table";
import { useUrlState } from "@/components/ui/use-url-state";
import { DropTarget, FilePicker } from "@/components/uploads/drop-target";
import { TASKS } from "@/server/datasets/contract";
import { DatasetStateDot } from "./dataset-state";
import { UploadDatasetSheet } from "./upload-dataset-sheet";

type Row = Outputs["datasets"]["list"]["datasets"][number];

export function DatasetsPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const may = useMay(team);
  const [query, setQuery] = useUrlState("q");
  const asked = useDeferredValue(query);
  const [files, setFiles] = useState<File[]>([]);
  const list = useInfiniteQuery(
    trpc.datasets.list.infiniteQueryOptions(
      { team, query: asked, limit: 50 },
      { getNextPageParam: (last) => last.nextCursor, placeholderData: (before) => before },
    ),
  );
  const rows = list.data?.pages.flatMap((page) => page.datasets) ?? [];
  const total = list.data?.pages[0]?.total;
  const reason = may("dataset.upload") ? undefined : "Uploading needs the role engineer.";
  const take = (dropped: File[]) => !reason && setFiles(dropped);

  return (
    <DropTarget
      invitation={reason ?? "Drop an NPZ, CSV or Parquet file, a zip of pictures, or IDX files"}
      onFiles={take}
    >
      <PageHeader
        title="Datasets"
        crumbs={[{ label: "Datasets" }]}
        meta={total !== undefined && plural(total, "dataset")}
        actions={
          reason ? (
            <Button variant="primary" reason={reason}>
              Upload a dataset…
            </Button>
          ) : (
            <FilePicker
              label="Upload a dataset…"
              accept=".npz,.csv,.tsv,.parquet,.zip,.idx,.gz,*"
              multiple
              onFiles={take}
            />
          )
        }
      />
      <div className="col">
        <SearchField value={query} onValueChange={setQuery} placeholder="Name or digest" />
        {list.isError ? (
          <QueryError error={list.error} remedy="Other pages still work." onRetry={list.refetch} />
        ) : (
          <div className="panel">
            <Table<Row>
              label="Datasets"
              columns={COLUMNS}
              rows={rows}
              rowKey={(row) => row.id}
              rowHref={(row) => `/${team}/datasets/${row.name}`}
              flag={(row) => (row.state === "refused" || row.state === "failed" ? "bad" : undefined)}
              loading={list.isPending}
              loadingMore={list.isFetchingNextPage}
              onEndReached={() => list.hasNextPage && !list.isFetching && void list.fetchNextPage()}
              empty={
                <EmptyState
                  title={
                    asked ? `No dataset matches “${asked}”` : "A dataset is what versions are measured on"
                  }
                >
                  {asked
                    ? "Names and the beginnings of digests are searched."
                    : "Drop an NPZ file with arrays x and y, a CSV or Parquet table with a label column, a zip with a folder of pictures for each class, or IDX files. They are checked before anything uses them."}
                </EmptyState>
              }
            />
          </div>
        )}
      </div>
      <UploadDatasetSheet team={team} files={files} onClose={() => setFiles([])} />
    </DropTarget>
  );
}

const COLUMNS: Column<Row>[] = [
  { key: "name", head: "Dataset", cell: (row) => row.name },
  { key: "digest", head: "Digest", cell: (row) => <Digest value={row.digest} /> },
  { key: "state", head: "State", cell: (row) => <DatasetStateDot state={row.state} report={row.report} /> },
  {
    key: "shape",
    head: "Sample",
    cell: ({ report }) => report && `${report.shape.join("×")} ${report.dtype}`,
  },
  {
    key: "classes",
    head: "Classes",
    align: "end",
    cell: ({ report }) =>
      report && (report.classes.length > 0 ? count(report.classes.length) : TASKS[report.task].name),
  },
  { key: "train", head: "Train", align: "end", cell: ({ report }) => report && count(report.train) },
  { key: "test", head: "Test", align: "end", cell: ({ report }) => report && count(report.test) },
  { key: "bytes", head: "Stored", align: "end", cell: (row) => bytes(row.bytes) },
  { key: "created", head: "Uploaded", align: "end", cell: (row) => <Age at={row.createdAt} form="ago" /> },
];
