"use client";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Outputs, useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { Button, LinkButton } from "@/components/ui/button";
import { Digest } from "@/components/ui/digest";
import { Skeleton } from "@/components/ui/feedback";
import { figureOf, figuresOf } from "@/components/ui/figure";
import { bytes, plural } from "@/components/ui/format";
import { readNumbers } from "@/components/ui/numbers";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { type Column, Table } from "@/components/ui/table";
import { Checkbox } from "@/components/ui/toggle";
import { useUrlState } from "@/components/ui/use-url-state";
import { DropTarget, FilePicker } from "@/components/uploads/drop-target";
import { MAX_COMPARED } from "@/server/models/contract";
import { accuracyCost, against, lines, recipeTitle } from "./lineage";
import { LineagePanel } from "./lineage-panel";
import { UploadSheet } from "./upload-sheet";
import { useCompareCommand } from "./use-compare-command";
import { VersionStateDot } from "./version-state";

type Page = Outputs["models"]["page"];
type Version = Page["versions"][number];
/** A model with many branches shows its newest; the table below has all versions. */
const LINES_SHOWN = 4;

export function ModelPage({ team, model }: { team: string; model: string }) {
  const trpc = useTRPC();
  const page = useQuery(trpc.models.page.queryOptions({ team, model }));
  if (page.isPending) return <Skeleton />;
  if (page.isError) {
    return (
      <QueryError
        error={page.error}
        remedy="The list of models shows those there are."
        onRetry={page.refetch}
      />
    );
  }
  return <Loaded team={team} page={page.data} />;
}

function Loaded({ team, page: { model, versions, serving } }: { team: string; page: Page }) {
  const may = useMay(team);
  const [chosen, choose] = useUrlState("v");
  const ticked = readNumbers(chosen).filter((number) => versions.some((v) => v.number === number));
  const comparison = `/${team}/models/${model.name}/compare?v=${ticked.join(",")}`;
  useCompareCommand(model.name, ticked.length > 1 ? comparison : undefined);
  const tick = (number: number, on: boolean) =>
    choose((on ? [...ticked, number] : ticked.filter((other) => other !== number)).join(","));
  const [file, setFile] = useState<File | null>(null);
  const latest = versions.findLast((v) => v.state === "ready");
  const reason = may("model.upload") ? undefined : "Uploading needs the role engineer.";
  const take = (files: File[]) => !reason && setFile(files[0] ?? null);
  const histories = lines(versions.filter((v) => v.state === "ready")).filter((line) => line.length > 1);
  return (
    <DropTarget
      invitation={reason ?? `Drop an ONNX file to upload the next version of ${model.name}`}
      onFiles={take}
    >
      <PageHeader
        title={model.name}
        meta={
          <>
            {model.task}, {plural(versions.length, "version")}
            {serving && `, v${serving.versionNumber} in production`}
          </>
        }
        crumbs={[{ label: "Models", href: `/${team}/models` }, { label: model.name }]}
        actions={
          <>
            {reason ? (
              <Button reason={reason} reasonAt="hidden">
                Upload a version…
              </Button>
            ) : (
              <FilePicker look="plain" label="Upload a version…" accept=".onnx" onFiles={take} />
            )}
            {ticked.length > 1 ? (
              <LinkButton href={comparison}>Compare {plural(ticked.length, "version")}…</LinkButton>
            ) : (
              versions.length > 1 && (
                <Button reason={`Tick 2 to ${MAX_COMPARED} versions in the table below.`} reasonAt="hidden">
                  Compare…
                </Button>
              )
            )}
            {latest && (
              <LinkButton variant="primary" href={`/${team}/models/${model.name}/v/${latest.number}/studio`}>
                Open v{latest.number} in the studio
              </LinkButton>
            )}
          </>
        }
      />
      <div className="col">
        {histories.length > 0 && (
          <LineagePanel
            team={team}
            model={model.name}
            lines={histories.slice(0, LINES_SHOWN)}
            current={latest?.id}
          />
        )}
        <Panel title="Versions" subtitle="newest first; a version never changes">
          <Table<Version>
            label={`Versions of ${model.name}`}
            columns={[...columns(versions), ...(versions.length > 1 ? [tickColumn(ticked, tick)] : [])]}
            rows={versions.toReversed()}
            rowKey={(v) => v.id}
            rowHref={(v) => `/${team}/models/${model.name}/v/${v.number}`}
            flag={(v) => (v.state === "refused" || v.state === "failed" ? "bad" : undefined)}
          />
        </Panel>
      </div>
      <UploadSheet team={team} file={file} modelId={model.id} onClose={() => setFile(null)} />
    </DropTarget>
  );
}

/** Ticks versions for the comparison; full at the most that fit side by side. */
const tickColumn = (
  ticked: readonly number[],
  tick: (number: number, on: boolean) => void,
): Column<Version> => ({
  key: "compare",
  head: "Compare",
  width: "80px",
  cell: ({ number }) => (
    <Checkbox
      label={`Compare v${number}`}
      hideLabel
      checked={ticked.includes(number)}
      disabled={!ticked.includes(number) && ticked.length >= MAX_COMPARED}
      onCheckedChange={(on) => tick(number, on)}
    />
  ),
});

function columns(versions: readonly Version[]): Column<Version>[] {
  const { head, prefix } = figuresOf(versions.map((v) => v.task));
  const parentOf = (v: Version) => versions.find((other) => other.id === v.parentId);
  return [
    { key: "number", head: "Version", cell: (v) => `v${v.number}`, width: "72px" },
    { key: "digest", head: "Digest", cell: (v) => <Digest value={v.digest} />, width: "92px" },
    { key: "state", head: "State", cell: (v) => <VersionStateDot state={v.state} />, width: "120px" },
    {
      key: "made",
      head: "How it was made",
      cell: (v) => {
        const parent = parentOf(v);
        return parent ? (
          <>
            {recipeTitle(v.madeBy)} <span className="t2">from v{parent.number}</span>
          </>
        ) : v.refusal ? (
          <span className="t2">rule {v.refusal.rule}</span>
        ) : (
          <span>
            {v.origin === "sample" ? "Sample" : v.origin === "script" ? "Logged by a script" : "Uploaded"}
          </span>
        );
      },
    },
    {
      key: "accuracy",
      head,
      align: "end",
      width: "132px",
      cell: (v) =>
        v.accuracy === null ? (
          <StatusDot state="not-measured">not measured</StatusDot>
        ) : (
          <>
            {v.task && prefix(v.task)}
            {figureOf(v.task ?? "classification").value(v.accuracy)}{" "}
            <span className="t2">
              {v.halfWidth !== null && figureOf(v.task ?? "classification").half(v.halfWidth)}
            </span>
          </>
        ),
    },
    {
      key: "difference",
      head: "To its parent",
      align: "end",
      width: "104px",
      cell: (v) => {
        const parent = parentOf(v);
        return parent && accuracyCost(parent, v);
      },
    },
    {
      key: "bytes",
      head: "File",
      align: "end",
      width: "128px",
      cell: (v) => (
        <>
          <span className="t2">{against(v.bytes, parentOf(v)?.bytes)}</span> {bytes(v.bytes)}
        </>
      ),
    },
    { key: "by", head: "By", cell: (v) => v.createdByName, width: "140px" },
    {
      key: "created",
      head: "Created",
      align: "end",
      width: "104px",
      cell: (v) => <Age at={v.createdAt} form="ago" />,
    },
  ];
}
