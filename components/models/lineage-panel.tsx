"use client";
import Link from "next/link";
import type { Outputs } from "@/components/trpc/client";
import { Lineage } from "@/components/ui/diagrams";
import { Digest } from "@/components/ui/digest";
import { bytes, datetime } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { figureInWords, recipeCost, recipeDetail, recipeTitle } from "./lineage";

type Version = Outputs["models"]["page"]["versions"][number];

interface Props {
  team: string;
  model: string;
  /** From an oldest ancestor to a newest version; several where the model has branches. */
  lines: readonly (readonly Version[])[];
  /** Drawn as the one the page is about. */
  current?: string | undefined;
}

/** Artifacts on a line, and on the line between them the recipe with its cost in the figure and in bytes. */
export function LineagePanel({ team, model, lines, current }: Props) {
  return (
    <Panel title="Lineage" subtitle="each recipe, run again on its parent, gives the same digest">
      {lines.map((line) => (
        <Lineage
          key={line.at(-1)?.id}
          label={`Lineage of v${line.at(-1)?.number}`}
          items={line.map((version, index) => {
            const parent = line[index - 1];
            return {
              id: version.id,
              name: <Link href={`/${team}/models/${model}/v/${version.number}`}>v{version.number}</Link>,
              digest: <Digest value={version.digest} />,
              mark: version.id === current ? "candidate" : index === 0 ? "baseline" : "version",
              detail: (
                <>
                  {datetime(Number(version.createdAt)).split(",")[0]}
                  {version.createdByName && `, ${version.createdByName}`}
                  <br />
                  <b className="m">{figureInWords(version)}</b>
                  <br />
                  {bytes(version.bytes)}
                </>
              ),
              recipe: parent && {
                title: recipeTitle(version.madeBy),
                joins: version.mergedWithNumber !== null && (
                  <Link className="link" href={`/${team}/models/${model}/v/${version.mergedWithNumber}`}>
                    v{version.mergedWithNumber}
                  </Link>
                ),
                detail: (
                  <>
                    {recipeDetail(version.madeBy)}
                    <br />
                    {version.runNumber !== null && (
                      <>
                        <Link className="link" href={`/${team}/training/${version.runNumber}`}>
                          run {version.runNumber}
                        </Link>
                        <br />
                      </>
                    )}
                    <b className="m">{recipeCost(parent, version)}</b>
                  </>
                ),
              },
            };
          })}
        />
      ))}
    </Panel>
  );
}
