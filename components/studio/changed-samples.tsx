"use client";
/** The samples whose answers changed most: the picture, and what both models say of it. */
import { useQueries } from "@tanstack/react-query";
import { useTRPC } from "@/components/trpc/client";
import { count, percent } from "@/components/ui/format";
import { isGreyShape, Picture } from "@/components/ui/picture";
import { StatusDot } from "@/components/ui/status";
import type { ChangedSample, Measured } from "@/server/studio/session-contract";

interface Props {
  team: string;
  /** Null while no session is open to show pictures. */
  sessionId: string | null;
  changed: NonNullable<Measured["changed"]>;
  shape: readonly number[];
  labels: readonly string[];
  from: string;
}

export function ChangedSamples({ team, sessionId, changed, shape, labels, from }: Props) {
  const trpc = useTRPC();
  const pictures = useQueries({
    queries: changed.samples.map(({ id }) => ({
      ...trpc.studio.sample.queryOptions({ team, sessionId: sessionId ?? "", id }),
      enabled: sessionId !== null,
      staleTime: Number.POSITIVE_INFINITY,
    })),
  });
  const named = (label: number) => labels[label] ?? `class ${label}`;
  if (changed.samples.length === 0) {
    return <p className="body t2">Every sample is answered as by {from}.</p>;
  }
  return (
    <div className="body col">
      <p className="lab">
        {changed.samples.length < changed.total
          ? `The ${count(changed.samples.length)} of ${count(changed.total)} changed answers whose probabilities moved most`
          : `All ${count(changed.total)} changed answers, those whose probabilities moved most first`}
        {sessionId === null && "; open the session to see the pictures"}
      </p>
      <ul className="changed-samples">
        {changed.samples.map((sample, place) => {
          const png = pictures[place]?.data?.png;
          return (
            <li key={sample.id}>
              {png && (
                <Picture
                  png={png}
                  isGrey={isGreyShape(shape)}
                  label={`Sample ${sample.id}, ${named(sample.label)}`}
                />
              )}
              <div>
                <b className="m">{named(sample.label)}</b> <span className="t3">sample {sample.id}</span>
                <div className="t2">
                  {from}: {named(sample.before)} {percent(sample.beforeConfidence, 0)}
                </div>
                <div className="t2">
                  now: {named(sample.after)} {percent(sample.afterConfidence, 0)}
                </div>
                <Verdict sample={sample} />
              </div>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Verdict({ sample: { label, before, after } }: { sample: ChangedSample }) {
  if (before === label) return <StatusDot state="bad">lost</StatusDot>;
  if (after === label) return <StatusDot state="ok">gained</StatusDot>;
  return <StatusDot state="off">wrong before and now</StatusDot>;
}
