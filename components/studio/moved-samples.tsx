"use client";
/** The samples whose score fell most, where answers are more than a class: the picture, and the score before and now. */
import { useQueries } from "@tanstack/react-query";
import { useTRPC } from "@/components/trpc/client";
import { figureOf } from "@/components/ui/figure";
import { count } from "@/components/ui/format";
import { isGreyShape, Picture } from "@/components/ui/picture";
import type { DatasetTask } from "@/server/datasets/contract";
import type { Measured } from "@/server/studio/session-contract";

interface Props {
  team: string;
  /** Null while no session is open to show pictures. */
  sessionId: string | null;
  changed: NonNullable<Measured["changed"]>;
  task: DatasetTask;
  shape: readonly number[];
  from: string;
}

export function MovedSamples({ team, sessionId, changed: { moved, total }, task, shape, from }: Props) {
  const trpc = useTRPC();
  const pictures = useQueries({
    queries: moved.map(({ id }) => ({
      ...trpc.studio.sample.queryOptions({ team, sessionId: sessionId ?? "", id }),
      enabled: sessionId !== null,
      staleTime: Number.POSITIVE_INFINITY,
    })),
  });
  const figure = figureOf(task);
  if (moved.length === 0) return <p className="body t2">No sample scores lower than by {from}.</p>;
  return (
    <div className="body col">
      <p className="lab">
        Of {count(total)} samples answered otherwise, those whose score fell most. {figure.name}: the mean of
        all scores.
      </p>
      <ul className="changed-samples">
        {moved.map(({ id, before, after }, place) => {
          const png = pictures[place]?.data?.png;
          return (
            <li key={id}>
              {png && <Picture png={png} isGrey={isGreyShape(shape)} label={`Sample ${id}`} />}
              <div>
                <b className="m">sample {id}</b>
                <div className="t2">
                  {from}: {figure.value(before)}
                </div>
                <div className="t2">now: {figure.value(after)}</div>
              </div>
            </li>
          );
        })}
      </ul>
    </div>
  );
}
