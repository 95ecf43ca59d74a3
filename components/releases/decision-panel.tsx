"use client";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/components/trpc/client";
import { useMay } from "@/components/trpc/use-may";
import { Button } from "@/components/ui/button";
import { Checklist } from "@/components/ui/checklist";
import { ConfirmDialog } from "@/components/ui/dialog";
import { Field, Textarea } from "@/components/ui/field";
import { figureOf } from "@/components/ui/figure";
import { shortDigest } from "@/components/ui/format";
import { StatusDot } from "@/components/ui/status";
import { useToast } from "@/components/ui/toast";
import { strategyInWords } from "@/server/releases/rollout-contract";
import { Approvals } from "./approvals";
import { BreakGlass } from "./broken-glass";
import { verdictWords } from "./evidence";
import { policyTitle, type RequestPage } from "./words";

interface Props {
  team: string;
  page: RequestPage;
}

/** The verdict, the decision, and what it rests on: gates and approvals. */
export function DecisionPanel({ team, page }: Props) {
  return (
    <section className="panel decision" aria-label="Decision">
      <div className="verdict">
        <Verdict page={page} />
        <Decide team={team} page={page} />
      </div>
      <Gates page={page} />
      {page.approvals.needed > 0 && <Approvals page={page} />}
    </section>
  );
}

function Verdict({ page }: { page: RequestPage }) {
  const { evaluation, production } = page;
  if (!evaluation) {
    return (
      <>
        <div className="lab">{figureOf(page.task).name}</div>
        <div className="big t2">{page.state === "void" ? "not measured" : "measuring"}</div>
      </>
    );
  }
  const { paired, baselineAccuracy, task } = evaluation;
  const figure = figureOf(task);
  if (!paired || !production) {
    return (
      <>
        <div className="lab">{figure.name}, 95%</div>
        <div className="big measured">
          {figure.value(evaluation.accuracy)}{" "}
          <small className="t2">{figure.half(evaluation.halfWidth)}</small>
        </div>
        <div className="vs">Nothing serves production yet.</div>
      </>
    );
  }
  return (
    <>
      <div className="lab">
        {figure.name} against v{production.number}, 95% paired
      </div>
      <div className="big measured">
        {figure.difference(paired.difference)} <small className="t2">{figure.half(paired.halfWidth)}</small>
      </div>
      <div className="vs">
        {figure.value(evaluation.accuracy)} against {figure.value(baselineAccuracy)}.{" "}
        {verdictWords(paired.difference, paired.halfWidth, task)}
      </div>
    </>
  );
}

function Decide({ team, page }: Props) {
  const trpc = useTRPC();
  const toast = useToast();
  const may = useMay(team);
  const [asking, setAsking] = useState<"approve" | "decline" | "withdraw" | null>(null);
  const [sentence, setSentence] = useState("");
  const approve = useMutation(trpc.releases.approve.mutationOptions());
  const decline = useMutation(trpc.releases.decline.mutationOptions());
  const withdraw = useMutation(trpc.releases.withdraw.mutationOptions());
  const { number, candidate, production, digests } = page;
  const name = `${page.model} v${candidate.number}`;
  if (page.state !== "open" && page.state !== "measuring") return null;
  const stays = production ? `v${production.number} keeps serving` : "nothing serves";
  const isLast = page.approvals.given + 1 >= page.approvals.needed;
  const leads = isLast
    ? `When the replica of v${candidate.number} is ready: ${strategyInWords(page.strategy)}; until then ${stays}.`
    : `This is approval ${page.approvals.given + 1} of ${page.approvals.needed}; until the last ${stays}.`;
  const acts = {
    approve: async () => {
      if (!digests.evaluationDigest) return;
      const { versionDigest, evaluationDigest, policyDigest } = digests;
      const { releaseId, stands } = await approve.mutateAsync({
        team,
        number,
        versionDigest,
        evaluationDigest,
        policyDigest,
        sentence,
      });
      toast({
        state: "ok",
        title: releaseId
          ? `Approved: ${name} is being prepared.`
          : `Approved: ${stands.given} of ${stands.needed}.`,
      });
    },
    decline: async () => {
      await decline.mutateAsync({ team, number, sentence });
      toast({ state: "ok", title: `Declined request ${number}.` });
    },
    withdraw: () => withdraw.mutateAsync({ team, number }),
  };
  const whyNoDecline =
    page.state === "measuring"
      ? "Nothing to decline yet."
      : may("release.approve")
        ? undefined
        : "Declining takes the role approver.";
  return (
    <>
      <div className="decide strip">
        {page.approvals.needed > 0 && (
          <Button
            variant="primary"
            size="lg"
            wide
            reason={page.approve?.words}
            reasonAt="hidden"
            onClick={() => setAsking("approve")}
          >
            Approve…
          </Button>
        )}
        {page.isMine ? (
          <Button size="lg" onClick={() => setAsking("withdraw")}>
            Withdraw…
          </Button>
        ) : (
          <Button size="lg" reason={whyNoDecline} reasonAt="hidden" onClick={() => setAsking("decline")}>
            Decline…
          </Button>
        )}
      </div>
      <div className="help mt-2">
        {page.approve ? (
          <StatusDot state={OBSTACLE[page.approve.kind]}>
            <b>{page.approve.words}</b>
          </StatusDot>
        ) : (
          `${leads} Void if ${shortDigest(digests.versionDigest)}, ${shortDigest(digests.evaluationDigest ?? "")} or the policy changes.`
        )}
      </div>
      <BreakGlass team={team} page={page} />
      <ConfirmDialog
        open={asking === "approve"}
        onOpenChange={(open) => !open && setAsking(null)}
        title={`Approve ${name} for production?`}
        confirm="Approve"
        keep="Not now"
        onConfirm={acts.approve}
      >
        <p className="mb-3">
          {isLast
            ? `A replica of v${candidate.number} starts now; when it is ready: ${strategyInWords(page.strategy)}. ${stays} until then${production ? ", and stays warm afterwards" : ""}.`
            : leads}
        </p>
        <Field label="A sentence for the record; may be left out">
          <Textarea value={sentence} onValueChange={setSentence} rows={2} maxLength={1000} />
        </Field>
      </ConfirmDialog>
      <ConfirmDialog
        open={asking === "decline"}
        onOpenChange={(open) => !open && setAsking(null)}
        title={`Decline ${name}?`}
        confirm="Decline"
        keep="Not now"
        danger
        onConfirm={acts.decline}
        reason={sentence.trim().length < 3 ? "Say why first." : undefined}
      >
        <p className="mb-3">Production stays as it is. {page.requester} reads your sentence.</p>
        <Field label="Why, in a sentence">
          <Textarea value={sentence} onValueChange={setSentence} rows={3} maxLength={1000} />
        </Field>
      </ConfirmDialog>
      <ConfirmDialog
        open={asking === "withdraw"}
        onOpenChange={(open) => !open && setAsking(null)}
        title={`Withdraw request ${number}?`}
        confirm="Withdraw"
        keep="Keep it"
        onConfirm={acts.withdraw}
      >
        <p>
          Nobody can approve it any more. Production stays as it is; a new request can be made at any time.
        </p>
      </ConfirmDialog>
    </>
  );
}

const OBSTACLE = {
  gate: "bad",
  requester: "off",
  role: "off",
  changed: "warning",
  state: "running",
  frozen: "warning",
  given: "ok",
  unneeded: "running",
} as const;

function Gates({ page }: { page: RequestPage }) {
  const blocks = page.gates.some((gate) => gate.blocks);
  const passed = page.gates.filter((gate) => gate.state === "pass").length;
  const unmeasured = page.gates.filter((gate) => gate.state === "not_measured").length;
  return (
    <>
      <div className="ph-row part-head">
        <h2 className="h">Gates</h2>
        <span className="t2 s12 clip">{policyTitle(page.policy)}</span>
        <span className="grow" />
        {page.gates.length === 0 ? (
          <StatusDot state="not-measured">not measured</StatusDot>
        ) : (
          <StatusDot state={blocks ? "bad" : "ok"}>
            {unmeasured > 0
              ? `${passed} pass, ${unmeasured} not measured`
              : `${passed} of ${page.gates.length} pass`}
          </StatusDot>
        )}
      </div>
      {page.gates.length > 0 && (
        <Checklist
          label="Gates"
          words
          items={page.gates.map((gate) => ({
            id: gate.id,
            label: gate.label,
            state: gate.state === "pass" ? "ok" : gate.state === "fail" ? "failed" : "not-measured",
            value: gate.value,
            detail: gate.words || undefined,
          }))}
        />
      )}
    </>
  );
}
