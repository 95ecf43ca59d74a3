"use client";
import { transformed } from "@/server/datasets/transform-contract";
import { sizeOf, smallestShape, type V2Tensor } from "@/server/releases/v2-contract";
import type { Api } from "./api-page";
import { asData, type Fields } from "./ask-values";
import { pixelsOf } from "./pixels";

interface Props {
  tensor: V2Tensor;
  samples: NonNullable<Api["samples"]>;
  onFill: (fields: Fields) => void;
}

/** Samples of the dataset that the version was measured on; a press fills the field as an evaluation would feed it. */
export function SampleChoice({ tensor, samples, onFill }: Props) {
  const { dataset, labels, previews, rows, transform } = samples;
  const shape = [1, ...smallestShape(tensor).slice(1)];
  const axes = shape.slice(1);
  const isPicture = axes.length > 1;
  const fitting = rows.filter(({ values }) => values.length === sizeOf(shape));
  const fill = (values: readonly number[]) =>
    onFill({ shape: `[${shape.join(", ")}]`, data: asData(transformed(values, axes, transform)) });
  if (!(isPicture && previews.length > 0) && fitting.length === 0) return null;
  return (
    <fieldset className="col" aria-label={`Samples of ${dataset}`}>
      <span className="lab">A sample of {dataset}</span>
      <div className="try-samples">
        {isPicture &&
          previews.map(({ sampleId, label, png }) => (
            <button
              key={sampleId}
              type="button"
              aria-label={`Fill in sample ${sampleId}, labelled ${labels[label] ?? label}`}
              onClick={() => void pixelsOf(png, axes).then(fill)}
            >
              {/* biome-ignore lint/performance/noImgElement: a picture of 28 pixels from the answer itself */}
              <img src={`data:image/png;base64,${png}`} alt="" />
            </button>
          ))}
      </div>
      {fitting.length > 0 && (
        <div className="row flex-wrap">
          {fitting.map(({ sampleId, values }) => (
            <button key={sampleId} type="button" className="btn sm" onClick={() => fill(values)}>
              Sample {sampleId}
            </button>
          ))}
        </div>
      )}
    </fieldset>
  );
}
