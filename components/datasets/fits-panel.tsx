"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { readError, useTRPC } from "@/components/trpc/client";
import { Panel } from "@/components/ui/panel";
import type { DatasetReport } from "@/server/datasets/contract";
import { asked } from "@/server/datasets/contract";

interface Props {
  team: string;
  datasetId: string;
  report: Pick<DatasetReport, "shape" | "classes" | "task" | "labelShape">;
}

/** Models whose newest version can be measured and tuned on this dataset. */
export function FitsPanel({ team, datasetId, report }: Props) {
  const trpc = useTRPC();
  const fitting = useQuery(trpc.models.fitting.queryOptions({ team, datasetId }));
  const needs = `${report.shape.join("×")} in, ${report.task === "unlabelled" ? "anything" : asked(report)} out`;
  return (
    <Panel title="Fits" subtitle={needs} padded>
      {fitting.isPending && <span className="t2">Looking at the newest version of each model…</span>}
      {fitting.isError && <span className="t2">{readError(fitting.error).message}</span>}
      {fitting.data?.length === 0 && (
        <span className="t2">
          No model’s newest version takes these samples and answers what they ask for.
        </span>
      )}
      {fitting.data && fitting.data.length > 0 && (
        <ul className="col">
          {fitting.data.map(({ model, number }) => (
            <li key={model}>
              <Link href={`/${team}/models/${model}/v/${number}`}>
                v{number} of {model}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}
