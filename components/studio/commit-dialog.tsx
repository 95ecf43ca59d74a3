"use client";
import { useMutation, useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { HoldNotice } from "@/components/trpc/hold-notice";
import { ProblemCallout } from "@/components/trpc/problem-callout";
import { Button, LinkButton } from "@/components/ui/button";
import { Dialog } from "@/components/ui/dialog";
import { Callout } from "@/components/ui/feedback";
import { Field, Textarea } from "@/components/ui/field";
import { figureOf } from "@/components/ui/figure";
import { bytes, count } from "@/components/ui/format";
import { DefinitionList } from "@/components/ui/panel";
import { Progress } from "@/components/ui/progress";
import type { DatasetTask } from "@/server/datasets/contract";
import { inWords, type Settings, type Unit } from "@/server/studio/contract";
import type { Measured } from "@/server/studio/session-contract";
import { interval } from "./interval";
import { type Evidence, predict } from "./predict";

interface Props {
  team: string;
  model: string;
  versionId: string;
  datasetId: string;
  from: string;
  settings: Settings;
  measured: Partial<Measured>;
  task: DatasetTask;
  units: readonly Unit[];
  /** What is predicted from, where something is not measured. */
  evidence: Evidence;
  open: boolean;
  onOpenChange: (open: boolean) => void;
}

/** Makes an immutable version of the dials: says what it will be, follows the run, and leads on from there. */
export function CommitDialog(props: Props) {
  const { team, versionId, datasetId, settings, open, onOpenChange } = props;
  const trpc = useTRPC();
  const [note, setNote] = useState("");
  const commit = useMutation(trpc.studio.commit.mutationOptions());
  const problem = commit.error && readError(commit.error);
  const close = (next: boolean) => {
    onOpenChange(next);
    if (!next) commit.reset();
  };
  const submit = () => commit.mutate({ team, versionId, datasetId, settings, note });
  return (
    <Dialog
      open={open}
      onOpenChange={close}
      title={
        commit.data
          ? `Run ${commit.data.number} makes the version`
          : `Commit ${inWords(settings, props.units)}`
      }
      width={480}
      footer={
        commit.data ? (
          <Button onClick={() => close(false)}>Go on tuning</Button>
        ) : (
          <>
            <Button onClick={() => close(false)}>Cancel</Button>
            <Button variant="primary" busy={commit.isPending ? "Committing…" : undefined} onClick={submit}>
              Commit
            </Button>
          </>
        )
      }
    >
      {commit.data ? (
        <CommitProgress {...props} runId={commit.data.id} />
      ) : (
        <div className="col">
          <HoldNotice team={team} />
          <Expectation {...props} />
          <Field label="Note" hint="Why this setting; stays with the version">
            <Textarea
              value={note}
              onValueChange={setNote}
              rows={3}
              onKeyDown={(event) => event.key === "Enter" && (event.metaKey || event.ctrlKey) && submit()}
            />
          </Field>
          {problem && <ProblemCallout problem={problem} />}
        </div>
      )}
    </Dialog>
  );
}

/** What the version will be: as measured here, or as predicted. The run measures it again on the whole test set. */
function Expectation({ from, task, settings, measured: { accuracy, built, sizes }, evidence }: Props) {
  const prediction = predict(evidence, settings, "sparsity");
  const figure = figureOf(task);
  const file = (sizes ?? built)?.sizes.file;
  return (
    <>
      <p>
        A run builds an immutable child of {from} with this recipe and measures it on the whole test set.{" "}
        {from} itself does not change.
      </p>
      <DefinitionList
        items={[
          [
            figure.name,
            accuracy ? (
              `${figure.value(accuracy.accuracy)}, ${figure.difference(accuracy.paired.difference)}${interval(accuracy.paired.halfWidth, task)}, n = ${count(accuracy.n)}`
            ) : (
              <span key="accuracy" className="predicted thin">
                {prediction.accuracy === null
                  ? "not known yet"
                  : `${figure.value(prediction.accuracy, 1)} predicted`}
              </span>
            ),
          ],
          [
            "File",
            file === undefined ? (
              <span key="file" className="predicted thin">
                {bytes(prediction.sizes.file)} predicted
              </span>
            ) : (
              bytes(file)
            ),
          ],
        ]}
      />
    </>
  );
}

function CommitProgress({ team, model, runId }: Props & { runId: string }) {
  const trpc = useTRPC();
  const { data: run } = useQuery({
    ...trpc.studio.commitProgress.queryOptions({ team, runId }),
    refetchInterval: (query) =>
      query.state.data && !["queued", "running"].includes(query.state.data.state) ? false : 1_000,
  });
  if (run?.state === "succeeded" && run.made) {
    return (
      <div className="col">
        <p>
          <b className="m">v{run.made.number} is there:</b> {figureOf(run.made.task).value(run.made.accuracy)}{" "}
          on the whole test set, {bytes(run.made.bytes)}.
        </p>
        <div className="row">
          <LinkButton variant="primary" href={`/${team}/models/${model}/v/${run.made.number}`}>
            Open v{run.made.number}
          </LinkButton>
          <LinkButton href={`/${team}/training/new?version=${run.made.versionId}`}>
            Recover it with distillation…
          </LinkButton>
        </div>
      </div>
    );
  }
  if (run?.state === "failed" || run?.state === "stopped") {
    return (
      <Callout state="bad">
        <b className="m">The run {run.state === "failed" ? "failed" : "was stopped"}; no version was made.</b>{" "}
        {run.cause?.message}{" "}
        <Link className="link" href={`/${team}/training/${run.number}`}>
          Its page has the logs
        </Link>
        .
      </Callout>
    );
  }
  const progress = run?.progress;
  return (
    <div className="col">
      <Progress
        label="Commit"
        value={progress?.percent == null ? null : progress.percent / 100}
        step={progress?.message}
        etaSeconds={progress?.etaSeconds}
        waiting={progress ? undefined : "waiting for a worker: the cluster places the run on a node"}
      />
      <p className="t2">This may be closed; the version appears with the model.</p>
    </div>
  );
}
