"use client";
import { useQuery } from "@tanstack/react-query";
import { type Outputs, useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { Age } from "@/components/ui/age";
import { Checklist } from "@/components/ui/checklist";
import { Digest } from "@/components/ui/digest";
import { Callout, Skeleton } from "@/components/ui/feedback";
import { bytes, count, percent, plural } from "@/components/ui/format";
import { PageHeader } from "@/components/ui/page-header";
import { DefinitionList, Panel } from "@/components/ui/panel";
import { Bar, Progress } from "@/components/ui/progress";
import { asked, TASKS } from "@/server/datasets/contract";
import { batchWords } from "./batch-words";
import { DatasetStateBadge } from "./dataset-state";
import { FitsPanel } from "./fits-panel";
import { formula } from "./formula";
import { SamplesPanel } from "./samples-panel";
import { SlicesPanel } from "./slices-panel";
import { TablePanels } from "./table-panel";
import { ValuesPanel } from "./values-panel";

export type DatasetPageData = Outputs["datasets"]["page"];

export function DatasetPage({ team, dataset }: { team: string; dataset: string }) {
  const trpc = useTRPC();
  const page = useQuery({
    ...trpc.datasets.page.queryOptions({ team, dataset }),
    refetchInterval: (query) => (query.state.data?.state === "checking" ? 2_000 : false),
  });
  if (page.isPending) return <Skeleton />;
  if (page.isError) {
    return (
      <QueryError
        error={page.error}
        remedy="The list of datasets shows those there are."
        onRetry={page.refetch}
      />
    );
  }
  return <Loaded team={team} page={page.data} />;
}

function Loaded({ team, page }: { team: string; page: DatasetPageData }) {
  const { report } = page;
  return (
    <>
      <PageHeader
        title={page.name}
        state={<DatasetStateBadge state={page.state} report={report} />}
        meta={
          <>
            <Digest value={page.digest} /> {report && `${count(report.n)} samples, ${asked(report)}, `}
            {bytes(page.bytes)}, {page.origin === "sample" ? "sample dataset" : "uploaded"}
            {page.createdByName && ` by ${page.createdByName}`}, <Age at={page.createdAt} form="ago" />
          </>
        }
        crumbs={[{ label: "Datasets", href: `/${team}/datasets` }, { label: page.name }]}
      />
      <div className="col">
        <Verdict page={page} />
        {report && (
          <div className="version-columns">
            <div className="col">
              <SamplesPanel report={report} labels={page.labels} />
              {report.values.length > 0 && <ValuesPanel values={report.values} />}
              {report.slices.length > 0 && <SlicesPanel slices={report.slices} />}
              {report.table && <TablePanels table={report.table} />}
            </div>
            <div className="col">
              <ChecksPanel page={page} report={report} />
              <SplitPanel page={page} report={report} />
              <FilesPanel page={page} />
              {page.state === "ready" && (
                <FitsPanel team={team} datasetId={page.id} report={report} labels={page.labels} />
              )}
              <UsesPanel uses={page.uses} />
            </div>
          </div>
        )}
        {!report && <FilesPanel page={page} />}
      </div>
    </>
  );
}

function Verdict({ page: { state, refusal, run } }: { page: DatasetPageData }) {
  if (state === "checking") {
    const progress = run?.progress;
    return (
      <Panel title="Check" padded>
        <Progress
          label="Check of the dataset"
          value={progress?.percent == null ? null : progress.percent / 100}
          step={progress?.message}
          etaSeconds={progress?.etaSeconds}
          waiting={progress ? undefined : "waiting for a worker: the cluster is placing the check on a node"}
        />
      </Panel>
    );
  }
  if (state === "failed") {
    return (
      <Callout state="bad">
        <b className="m">Nobody could look into these files.</b>{" "}
        {run?.cause?.message ?? "The check ended without a verdict."} Upload them again to try once more.
      </Callout>
    );
  }
  if (!refusal) return null;
  return (
    <Callout state="bad">
      <b className="m">Refused by rule “{refusal.rule}”.</b> {refusal.message}
      {refusal.where && (
        <>
          {" "}
          Found at <span className="mono">{refusal.where}</span>.
        </>
      )}
      <br />
      <span className="t2">{refusal.remedy}</span>
    </Callout>
  );
}

type Report = NonNullable<DatasetPageData["report"]>;

function ChecksPanel({ page, report }: { page: DatasetPageData; report: Report }) {
  const totals = report.classes.map((c) => c.train + c.test);
  const [fewest, most] = [Math.min(...totals), Math.max(...totals)];
  const labels = report.classes.map((c) => c.label);
  return (
    <Panel title="Checks" subtitle={page.run ? `run ${page.run.number}` : undefined}>
      <Checklist
        label="Checks"
        items={[
          {
            id: "shape",
            label: "Shape and dtype",
            state: "ok",
            value: `${report.shape.join("×")} ${report.dtype}`,
          },
          { id: "task", label: "Task", state: "ok", value: taskOf(report) },
          ...(report.task === "classification"
            ? [
                {
                  id: "labels",
                  label: "Labels in range",
                  state: "ok" as const,
                  value: `${labels[0]} to ${labels.at(-1)}, all ${labels.length} occur`,
                },
              ]
            : []),
          ...(totals.length > 0
            ? [
                {
                  id: "balance",
                  label: "Class balance",
                  state: "ok" as const,
                  value: fewest === most ? `${count(most)} each` : `${count(fewest)} to ${count(most)} each`,
                },
              ]
            : []),
          {
            id: "scaling",
            label: "Fed to models as",
            state: "ok",
            value: formula(page.transform, report.table ? "columns" : "channels"),
          },
          ...(report.leakage && report.leakage.between === 0
            ? [
                {
                  id: "leakage",
                  label: "Test samples in the train part",
                  state: "ok" as const,
                  value: "none",
                },
              ]
            : []),
          ...(page.batch ? [batchItem(page.batch, page.labels)] : []),
          ...report.problems.map((problem) => ({
            id: problem.rule + problem.message,
            label: problem.message,
            state: "warning" as const,
            detail: problem.where ? `${problem.remedy} Found at ${problem.where}.` : problem.remedy,
          })),
        ]}
      />
    </Panel>
  );
}

/** "single class: 10 classes"; without labels there is nothing to count. */
const taskOf = (report: Report): string =>
  report.task === "unlabelled" ? TASKS.unlabelled.name : `${TASKS[report.task].name}: ${asked(report)}`;

/** The test batch that the check ended with, as one of its steps. */
function batchItem(batch: NonNullable<DatasetPageData["batch"]>, labels: readonly string[]) {
  const { figure, size, detail } = batchWords(batch, labels);
  const state = batch.verdict === "passed" ? ("ok" as const) : batch.verdict;
  const whose = [`On ${batch.model} v${batch.number}`, size].filter(Boolean).join(", ");
  return { id: "batch", label: "Test batch", state, value: figure, detail: `${whose}. ${detail}` };
}

function SplitPanel({ page: { split }, report }: { page: DatasetPageData; report: Report }) {
  const how =
    split.kind === "files"
      ? "by its own files"
      : `drawn by seed ${split.seed}${report.task === "classification" ? ", the same share of each class" : ""}`;
  return (
    <Panel title="Split" subtitle={how} padded>
      <div className="col">
        <Bar tone="ink" value={report.train / report.n} label="train part" />
        <DefinitionList
          items={[
            ["train", `${count(report.train)}, ${percent(report.train / report.n, 0)}`],
            ["test", `${count(report.test)}, ${percent(report.test / report.n, 0)}`],
          ]}
        />
      </div>
    </Panel>
  );
}

function FilesPanel({ page: { files } }: { page: DatasetPageData }) {
  return (
    <Panel title="Files" padded>
      <DefinitionList
        items={files.map((file) => [
          file.role.replace("_", " "),
          <span key={file.role} className="row">
            <span className="clip">{file.name}</span>
            <Digest value={file.sha256} />
            <span className="t2 nowrap">{bytes(file.bytes)}</span>
          </span>,
        ])}
      />
    </Panel>
  );
}

function UsesPanel({ uses }: { uses: DatasetPageData["uses"] }) {
  return (
    <Panel title="Where it is used" padded>
      <DefinitionList
        items={[
          ["Evaluated", `${plural(uses.versions, "version")}, ${plural(uses.evaluations, "time")}`],
          ["Studio", `${plural(uses.sessions, "session")} open now`],
          ["Training", plural(uses.training, "run")],
        ]}
      />
    </Panel>
  );
}
