"use client";
import { useMutation } from "@tanstack/react-query";
import { readError, useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { Age } from "@/components/ui/age";
import { TextAction } from "@/components/ui/button";
import { ms } from "@/components/ui/format";
import { StatusDot } from "@/components/ui/status";
import { laneOf, type ModelPage } from "./words";

/** When the rollback was rehearsed last, what it took, and a way to rehearse it now. */
export function DrillLine({ team, page }: { team: string; page: ModelPage }) {
  const trpc = useTRPC();
  const may = useMay(team);
  const drill = useMutation(trpc.releases.drill.mutationOptions());
  const { drill: last, rollback } = page;
  if (!rollback.target) return null;
  return (
    <div className="t2 s12 drill-line">
      {last === null ? (
        "not drilled yet"
      ) : last.message ? (
        <StatusDot state="warning" title={last.message}>
          drill failed <Age at={last.createdAt.getTime()} form="ago" />: {last.message}
        </StatusDot>
      ) : (
        <>
          drilled <Age at={last.createdAt.getTime()} form="ago" />: {ms(last.planUs / 1000)} to plan, answer
          in {ms(last.answerUs === null ? null : last.answerUs / 1000)}
        </>
      )}
      {may("release.rollback") && (
        <>
          {" "}
          <TextAction onClick={() => drill.mutate({ team, ...laneOf(page) })}>
            {drill.isPending ? "Drilling…" : "Drill now"}
          </TextAction>
        </>
      )}
      {drill.error && <StatusDot state="bad">{readError(drill.error).message}</StatusDot>}
    </div>
  );
}
