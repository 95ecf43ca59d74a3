import type { Outputs } from "@/components/trpc/client";
import { Code, Digest } from "@/components/ui/digest";
import { count, ms, significant } from "@/components/ui/format";
import { StatusBadge } from "@/components/ui/status";

type Answer = Outputs["releases"]["ask"];
type Output = NonNullable<Answer["outputs"]>[number];

/** What a request came to: who answered in what time, and the outputs or the error as V2 has it. */
export function AskAnswer({ answer, labels }: { answer: Answer; labels: readonly string[] }) {
  return (
    <section className="col" aria-label="Answer">
      <div className="row flex-wrap">
        <StatusBadge state={answer.outputs ? "ok" : "bad"}>{answer.status}</StatusBadge>
        <span>{ms(answer.ms)}</span>
        {answer.version && (
          <span>
            v{answer.version} {answer.digest && <Digest value={answer.digest} />}
          </span>
        )}
        {answer.requestId && <span className="mono t2">{answer.requestId}</span>}
      </div>
      {answer.error !== null && <Code label="Error">{JSON.stringify({ error: answer.error })}</Code>}
      {answer.retryAfter && <p className="t2">Try again in {answer.retryAfter} s.</p>}
      {answer.outputs?.map((output) => (
        <OutputView key={output.name} output={output} labels={labels} />
      ))}
    </section>
  );
}

function OutputView({ output, labels }: { output: Output; labels: readonly string[] }) {
  const { name, datatype, shape, values, total, largest } = output;
  // Names belong to classes only where there is one score for each.
  const hasNames = labels.length > 0 && labels.length === shape.at(-1);
  const rest = total > values.length ? `, … ${count(total)} values` : "";
  return (
    <section className="ask-output">
      <h3 className="row">
        <span className="mono">{name}</span>
        <span className="t2 s12">
          {datatype} [{shape.join(", ")}]
        </span>
      </h3>
      {largest.map(({ index, value }, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows are samples in the order that they were sent
        <p key={row}>
          {largest.length > 1 && <span className="t2">Sample {row}: </span>}
          largest at {index}
          {hasNames && (
            <>
              , <b>{labels[index]}</b>
            </>
          )}
          , {significant(value)}
        </p>
      ))}
      <Code label={`Values of ${name}`}>{`[${values.map(inWords).join(", ")}${rest}]`}</Code>
    </section>
  );
}

const inWords = (value: Output["values"][number]): string =>
  typeof value === "number" ? significant(value) : JSON.stringify(value);
