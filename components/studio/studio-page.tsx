"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { LinkButton } from "@/components/ui/button";
import { EmptyState, Skeleton } from "@/components/ui/feedback";
import { PageHeader } from "@/components/ui/page-header";
import { useUrlState } from "@/components/ui/use-url-state";
import { fitsSamples } from "@/server/models/contract";
import { Studio } from "./studio";

interface Props {
  team: string;
  model: string;
  number: number;
}

/** Finds what the studio works on: the version, and a dataset whose samples it can be fed and whose labels it answers. */
export function StudioPage({ team, model, number }: Props) {
  const trpc = useTRPC();
  const version = useQuery({
    ...trpc.models.version.queryOptions({ team, model, number }),
    staleTime: 60_000,
  });
  const datasets = useQuery(trpc.datasets.list.queryOptions({ team, limit: 100 }));
  const [chosen, setChosen] = useUrlState("d");
  const base = `/${team}/models/${model}`;
  const crumbs = [
    { label: "Models", href: `/${team}/models` },
    { label: model, href: base },
    { label: `v${number}`, href: `${base}/v/${number}` },
    { label: "Studio" },
  ];
  if (version.isPending || datasets.isPending) return <Skeleton />;
  const error = version.error ?? datasets.error;
  if (error || !version.data || !datasets.data) {
    return <QueryError error={error} remedy="The model's page still works." />;
  }
  const { inspection } = version.data.version;
  const wanted = inspection?.inputs[0]?.shape.slice(1).filter((n) => n !== null);
  const ready = datasets.data.datasets.filter((d) => d.state === "ready");
  const fitting = ready.filter((d) => d.report && inspection && fitsSamples(inspection, d.report));
  const measuredOn = version.data.evaluations[0]?.datasetId;
  const dataset =
    fitting.find((d) => d.name === chosen) ?? fitting.find((d) => d.id === measuredOn) ?? fitting[0];

  if (version.data.version.state !== "ready") {
    return (
      <>
        <PageHeader title={`${model} v${number}`} crumbs={crumbs} />
        <EmptyState
          title={`v${number} is ${version.data.version.state}`}
          actions={<LinkButton href={`${base}/v/${number}`}>Look at the version</LinkButton>}
        >
          The studio opens on versions that passed their inspection.
        </EmptyState>
      </>
    );
  }
  if (!dataset?.report) {
    return (
      <>
        <PageHeader title={`${model} v${number}`} crumbs={crumbs} />
        <EmptyState
          title="No dataset fits this version"
          actions={<LinkButton href={`/${team}/datasets`}>Upload a dataset</LinkButton>}
        >
          The studio measures on a dataset’s test samples.{" "}
          {wanted && `This version takes ${wanted.join("×")}; `}
          {ready.length === 0
            ? "no dataset is ready."
            : `${ready.map((d) => d.name).join(", ")} has another shape or other labels.`}
        </EmptyState>
      </>
    );
  }
  return (
    <Studio
      key={`${version.data.version.id} ${dataset.id}`}
      team={team}
      page={version.data}
      dataset={{ id: dataset.id, name: dataset.name, test: dataset.report.test }}
      datasets={fitting.map((d) => d.name)}
      onDataset={setChosen}
      crumbs={crumbs}
    />
  );
}
