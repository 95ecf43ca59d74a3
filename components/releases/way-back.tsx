"use client";
import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useLive } from "@/components/live/provider";
import { useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { Button } from "@/components/ui/button";
import { Digest } from "@/components/ui/digest";
import { StatusDot } from "@/components/ui/status";
import { DrillLine } from "./drill-line";
import { SwitchDialog } from "./switch-dialog";
import { expectation, laneOf, type ModelPage, type Preview, type Release } from "./words";

type Direction = "rollback" | "forward";
/** A press of this tab: which release came of it, and when it was confirmed by the server's clock. */
export interface Press {
  direction: Direction;
  from: Release;
  to: NonNullable<Preview["target"]>;
  at: number;
  releaseId: string | null;
}

interface Props {
  team: string;
  page: ModelPage;
  perSecond: number | null;
  onPress: (press: Press | null) => void;
}

/** Roll back, always in the same place and of the same size; the way forward beside it. */
export function WayBack({ team, page, perSecond, onPress }: Props) {
  const trpc = useTRPC();
  const may = useMay(team);
  const { clockOffset } = useLive();
  const [asking, setAsking] = useState<Direction | null>(null);
  // One key for each opened question: a double press is one step.
  const key = useRef("");
  const back = useMutation(trpc.releases.rollBack.mutationOptions());
  const forth = useMutation(trpc.releases.goForward.mutationOptions());
  const stagingBack = useMutation(trpc.releases.staging.rollBack.mutationOptions());
  const stagingForth = useMutation(trpc.releases.staging.goForward.mutationOptions());
  const { serving, rollback, forward, environment } = page;
  /** Whoever releases to staging may go back there, without a say in production. */
  const isByStage = environment === "staging" && may("release.stage");

  const ask = (direction: Direction) => {
    key.current = crypto.randomUUID();
    setAsking(direction);
  };
  const confirm = async (direction: Direction, reason: string) => {
    const { target } = direction === "rollback" ? rollback : forward;
    if (!serving || !target) return;
    const press: Press = {
      direction,
      from: serving,
      to: target,
      at: Date.now() + clockOffset,
      releaseId: null,
    };
    onPress(press);
    const pressed = {
      team,
      ...laneOf(page),
      from: serving.id,
      to: target.releaseId,
      key: key.current,
      reason,
    };
    const [mine, anyones] = direction === "rollback" ? [stagingBack, back] : [stagingForth, forth];
    try {
      const done = await (isByStage ? mine.mutateAsync(pressed) : anyones.mutateAsync(pressed));
      onPress({ ...press, releaseId: done.releaseId });
    } catch (error) {
      onPress(null);
      throw error;
    }
  };
  const whyNot = (preview: Preview): string | undefined => {
    if (!isByStage && !may("release.rollback")) return "Takes the role approver, operator or admin.";
    if (!preview.target) return "There is no revision to go to.";
    const isWarming = page.preparing?.version === preview.target.version;
    return isWarming && !preview.isWarm ? `v${preview.target.version} is being warmed.` : undefined;
  };
  const { target } = rollback;
  // During a rollout the step back is away from what comes, to what serves beside it.
  const { rolling } = page;
  const isEndingRollout = asking === "rollback" && rolling !== null && target?.version === serving?.version;
  return (
    <section className="way-back" aria-label={`Roll back ${environment}`}>
      <div className="lab">Roll back {environment}</div>
      <div className="row">
        {target ? (
          <>
            <StatusDot state={rollback.isWarm ? "ok" : "off"}>
              <b>
                v{target.version} is {rollback.isWarm ? "warm" : "not warm"}
              </b>
            </StatusDot>
            <Digest value={target.digest} />
          </>
        ) : (
          <StatusDot state="off">no earlier revision</StatusDot>
        )}
      </div>
      <div className="t2 s12">{target ? expectation(rollback) : "The second release makes one."}</div>
      <DrillLine team={team} page={page} />
      <div className="acts">
        <Button
          variant="danger"
          size="lg"
          wide
          reason={whyNot(rollback)}
          reasonAt="hidden"
          onClick={() => ask("rollback")}
        >
          {target ? `Roll back to v${target.version}…` : "Roll back…"}
        </Button>
        {forward.target && (
          <Button wide reason={whyNot(forward)} reasonAt="hidden" onClick={() => ask("forward")}>
            Forward to v{forward.target.version}…
          </Button>
        )}
      </div>
      {serving && asking && (
        <SwitchDialog
          direction={asking}
          page={page}
          leaving={(isEndingRollout && rolling) || serving}
          isRollout={isEndingRollout}
          preview={asking === "rollback" ? rollback : forward}
          perSecond={perSecond}
          open
          onOpenChange={(open) => !open && setAsking(null)}
          onConfirm={(reason) => confirm(asking, reason)}
        />
      )}
    </section>
  );
}
