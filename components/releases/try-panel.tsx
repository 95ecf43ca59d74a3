"use client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { useMay } from "@/components/trpc/use-may";
import { Digest } from "@/components/ui/digest";
import { ms, percent } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { smallestShape } from "@/server/releases/v2-contract";
import { pixelsOf } from "./pixels";
import type { ModelPage } from "./words";

/** A real picture through the real gateway: what the model that serves says of it. */
export function TryPanel({ team, page }: { team: string; page: ModelPage }) {
  const trpc = useTRPC();
  const may = useMay(team);
  const ask = useMutation(trpc.releases.tryIt.mutationOptions());
  const [chosen, setChosen] = useState<number | null>(null);
  const { sample, model } = page;
  const [input] = page.inputs;
  if (!sample || !input || !may("inference.try")) return null;
  const picture = sample.previews.find((p) => p.sampleId === chosen);
  const nameOf = (label: number) => sample.labels[label] ?? String(label);
  const press = async (preview: (typeof sample.previews)[number]) => {
    setChosen(preview.sampleId);
    const values = await pixelsOf(preview.png, smallestShape(input).slice(1));
    ask.mutate({
      team,
      modelId: model.id,
      environment: page.environment,
      datasetId: sample.datasetId,
      values,
    });
  };
  const problem = ask.error && readError(ask.error);
  return (
    <Panel title="Try it" subtitle={`samples of ${sample.dataset}, through the gateway`} padded>
      <div className="try-samples">
        {sample.previews.map((preview) => (
          <button
            key={preview.sampleId}
            type="button"
            aria-pressed={preview.sampleId === chosen}
            aria-label={`Ask about sample ${preview.sampleId}, labelled ${nameOf(preview.label)}`}
            onClick={() => void press(preview)}
          >
            {/* biome-ignore lint/performance/noImgElement: a picture of 28 pixels from the answer itself */}
            <img src={`data:image/png;base64,${preview.png}`} alt="" />
          </button>
        ))}
      </div>
      <div className="mt-3" aria-live="polite">
        {problem && <ProblemCallout problem={problem} />}
        {!problem && !ask.data && <span className="t2">Choose a picture.</span>}
        {!problem && ask.data && picture && (
          <div className="row">
            <StatusDot state={ask.data.label === picture.label ? "ok" : "bad"}>
              <b>{ask.data.name}</b>
            </StatusDot>
            <span className="t2">
              {percent(ask.data.probability)} sure, labelled {nameOf(picture.label)}; v{ask.data.version}{" "}
              <Digest value={ask.data.digest} /> in {ms(ask.data.ms)}
            </span>
          </div>
        )}
      </div>
    </Panel>
  );
}
