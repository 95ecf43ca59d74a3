"use client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { useMay } from "@/components/trpc/use-may";
import { Button } from "@/components/ui/button";
import { Field, Input, Textarea } from "@/components/ui/field";
import { KeyHint } from "@/components/ui/key-hint";
import { Panel } from "@/components/ui/panel";
import type { Environment } from "@/server/releases/contract";
import { isWhole, shapeInWords, smallestShape, type V2Tensor } from "@/server/releases/v2-contract";
import type { Api } from "./api-page";
import { AskAnswer } from "./ask-answer";
import { SampleChoice } from "./ask-samples";
import { type Fields, type Reading, readFields, zeroFields } from "./ask-values";

interface Props {
  team: string;
  model: string;
  environment: Environment;
  inputs: readonly V2Tensor[];
  samples: Api["samples"];
}

/** A request filled from the model's inputs, checked before it is sent, and what came of it. */
export function AskForm({ team, model, environment, inputs, samples }: Props) {
  const trpc = useTRPC();
  const may = useMay(team);
  // Offline is said at once; nothing is kept to be sent later.
  const ask = useMutation(trpc.releases.ask.mutationOptions({ networkMode: "always" }));
  const [fields, setFields] = useState<readonly Fields[]>(() => inputs.map((tensor) => zeroFields(tensor)));
  const [isChecked, setIsChecked] = useState(false);
  const readings = inputs.map((tensor, index) =>
    readFields(tensor, fields[index] ?? { shape: "", data: "" }),
  );
  const fill = (index: number, given: Fields) =>
    setFields((before) => before.map((old, at) => (at === index ? given : old)));
  const send = () => {
    setIsChecked(true);
    if (ask.isPending) return;
    const tensors = readings.flatMap((reading) => (reading.isRight ? [reading.tensor] : []));
    if (tensors.length === inputs.length) ask.mutate({ team, model, environment, inputs: tensors });
    // An answer to an earlier request is not one to this.
    else ask.reset();
  };
  const wrong = readings.filter((reading) => !reading.isRight).length;
  const problem = ask.error && readError(ask.error);
  return (
    <Panel title="Try it" subtitle="through the gateway, as a program would" padded>
      {may("inference.try") ? (
        <form
          className="col"
          onSubmit={(event) => {
            event.preventDefault();
            send();
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
          }}
        >
          {inputs.map((tensor, index) => (
            <InputFields
              key={tensor.name}
              tensor={tensor}
              fields={fields[index] ?? { shape: "", data: "" }}
              reading={isChecked ? readings[index] : undefined}
              samples={index === 0 && !isWhole(tensor.datatype) ? samples : null}
              onFill={(given) => fill(index, given)}
            />
          ))}
          <div className="row">
            <Button type="submit" variant="primary" busy={ask.isPending ? "Asking…" : undefined}>
              Send
            </Button>
            <KeyHint keys="Ctrl Enter" />
            {isChecked && wrong > 0 && (
              <span className="t2" role="status">
                {wrong === 1 ? "One input needs" : `${wrong} inputs need`} another look; nothing was sent.
              </span>
            )}
          </div>
          <div aria-live="polite">
            {problem && <ProblemCallout problem={problem} />}
            {!problem && ask.data && <AskAnswer answer={ask.data} labels={samples?.labels ?? []} />}
          </div>
        </form>
      ) : (
        <p className="t2">None of your roles may ask models; an admin gives one in Settings.</p>
      )}
    </Panel>
  );
}

interface InputFieldsProps {
  tensor: V2Tensor;
  fields: Fields;
  /** What is wrong is shown once something was sent. */
  reading: Reading | undefined;
  samples: Api["samples"];
  onFill: (fields: Fields) => void;
}

function InputFields({ tensor, fields, reading, samples, onFill }: InputFieldsProps) {
  const wrong = reading && !reading.isRight ? reading : null;
  const problemOf = (field: keyof Fields) => (wrong?.field === field ? wrong.problem : undefined);
  const isOpen = tensor.shape.includes(null);
  const isLarge = zeroFields(tensor).data === "";
  return (
    <fieldset className="ask-input">
      <legend className="row">
        <span className="mono">{tensor.name}</span>
        <span className="t2 s12">
          {tensor.datatype} {shapeInWords(tensor.shape)}
          {isOpen && ", -1: any"}
        </span>
      </legend>
      {samples && <SampleChoice tensor={tensor} samples={samples} onFill={onFill} />}
      {isOpen && (
        <Field label="Shape" error={problemOf("shape")}>
          <Input
            className="mono"
            value={fields.shape}
            onValueChange={(shape) => onFill({ ...fields, shape })}
            spellCheck={false}
          />
        </Field>
      )}
      <Field
        label="Data"
        aside={
          <button
            type="button"
            className="link"
            onClick={() => onFill(zeroFields(tensor, shapeOf(tensor, fields)))}
          >
            {tensor.datatype === "BOOL" ? "All false" : tensor.datatype === "BYTES" ? "All empty" : "Zeros"}
          </button>
        }
        hint={
          isLarge
            ? "Too many values for a form; ask from a program."
            : "JSON, flat or nested as the shape says."
        }
        error={problemOf("data")}
      >
        <Textarea
          className="mono"
          rows={4}
          value={fields.data}
          onValueChange={(data) => onFill({ ...fields, data })}
          spellCheck={false}
        />
      </Field>
    </fieldset>
  );
}

/** The shape that is written, where it fits; zeros for a batch of four are four. */
function shapeOf(tensor: V2Tensor, fields: Fields): readonly number[] {
  const reading = readFields(tensor, { ...fields, data: "[]" });
  const isWrong = !reading.isRight && reading.field === "shape";
  const shape: unknown = isWrong ? null : JSON.parse(fields.shape);
  return Array.isArray(shape) ? shape.map(Number) : smallestShape(tensor);
}
