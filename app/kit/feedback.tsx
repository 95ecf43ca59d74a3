"use client";

import { useState } from "react";
import { Button } from "@/components/ui/button";
import { Checklist } from "@/components/ui/checklist";
import { Digest } from "@/components/ui/digest";
import { Banner, Callout, EmptyState, ErrorState, Skeleton } from "@/components/ui/feedback";
import { Bar, Progress } from "@/components/ui/progress";
import { Tabs } from "@/components/ui/tabs";
import { Section } from "./section";

const DIGEST = "sha256:91e4d7c0aa55b2f1e0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d0e9f8a7";
const nothing = () => {};

export function FeedbackSections() {
  return (
    <>
      <Section span={4} title="Progress, with a reason and a cancel">
        <ProgressStates />
      </Section>
      <Section span={4} title="Loading, empty, error">
        <div className="body grid gap-2">
          <div className="row justify-between">
            <Skeleton width={90} />
            <Skeleton width={60} />
          </div>
          <div className="row justify-between">
            <Skeleton width={120} />
            <Skeleton width={52} />
          </div>
        </div>
        <div className="border-t border-line">
          <EmptyState
            title="No models yet"
            actions={
              <>
                <Button variant="primary">Use the sample</Button>
                <Button>Upload…</Button>
              </>
            }
          >
            A model is a named line of versions. Upload an ONNX file, or start with a small one.
          </EmptyState>
        </div>
        <div className="body border-t border-line">
          <Callout state="bad" actions={<Button size="sm">Pick another</Button>}>
            <strong>Evaluation did not start.</strong>{" "}
            <span className="t2">fashion-test 9f31c07 was deleted at 14:20.</span>
          </Callout>
        </div>
      </Section>
      <Section span={8} title="Banner and call-out" note="the whole console, or one problem">
        <Banner
          state="stale"
          actions={
            <>
              <span className="t2">next try in 6 s</span>
              <Button size="sm">Try now</Button>
            </>
          }
        >
          <b>No connection since 14:31:27.</b> What you see is from then.
        </Banner>
        <Banner state="bad" actions={<Button size="sm">What can go</Button>}>
          <b>The disk of the server is 98% full.</b> New artifacts are refused.
        </Banner>
        <div className="body">
          <Callout
            state="warning"
            actions={
              <>
                <Button>Log line 41,208</Button>
                <Button variant="primary">Move rank 2 to a new node…</Button>
              </>
            }
          >
            <strong>Rank 2 is slow: 690 ms a step, the others 425.</strong>{" "}
            <span className="t2">Since step 3,900. All four ranks wait for it at every step.</span>
          </Callout>
        </div>
      </Section>
      <Section span={4} title="Error">
        <ErrorState
          what="Run 2318 could not be read"
          remedy="The metrics store answered after more than 10 s. The run itself goes on: its last sign of life was 0.6 s ago."
          requestId="7c1e-0b44-9d17"
          onRetry={nothing}
        />
      </Section>
    </>
  );
}

function ProgressStates() {
  const [tab, setTab] = useState<"metrics" | "logs" | "checkpoints">("metrics");
  return (
    <>
      <div className="body grid gap-3">
        <Progress
          label="Run 2318"
          value={0.683}
          step="step 5,122 of 7,504"
          etaSeconds={1620}
          action={{ label: "Stop…", onPress: nothing }}
        />
        <Progress
          label="Run 2319"
          value={null}
          waiting="waiting for 2 CPUs: node 3 of 4 is starting"
          etaSeconds={6}
          action={{ label: "Cancel", onPress: nothing }}
        />
        <Progress
          label="Run 2320"
          value={0.31}
          failed="stopped at 31%: the disk of spot-3 is full"
          action={{ label: "Retry", onPress: nothing }}
        />
        <Bar label="Share of bytes" value={0.39} limit={0.6} tone="ink" />
      </div>
      <div className="border-y border-line">
        <Checklist
          label="Inspection"
          items={[
            { id: "hash", label: "Hash verified", state: "ok", value: <Digest value={DIGEST} /> },
            {
              id: "graph",
              label: "Graph parsed, with a warning",
              state: "warning",
              value: "61 nodes",
              detail: "BatchNorm is folded into Conv. Exporting with optimize=False avoids this.",
            },
            { id: "test", label: "Test run", state: "running", value: "sample 3 of 8" },
            { id: "torch", label: "Importable to PyTorch", state: "pending", value: "tier, expected 1 of 4" },
          ]}
        />
      </div>
      <div className="border-b border-line">
        <Checklist
          words
          label="Gates"
          items={[
            { id: "bound", label: "Accuracy, lower bound ≥ −0.5 pt", state: "ok", value: "−0.23 pt" },
            { id: "class", label: "No class below −2.0 pt", state: "failed", value: "Pullover −2.9" },
            { id: "shadow", label: "Shadow errors ≤ 0.05%", state: "not-measured", value: "" },
          ]}
        />
      </div>
      <div className="px-3 pb-3">
        <Tabs
          label="Run 2318"
          value={tab}
          onValueChange={setTab}
          tabs={[
            { value: "metrics", label: "Metrics" },
            { value: "logs", label: "Logs", count: 41_873 },
            { value: "checkpoints", label: "Checkpoints", count: 5 },
          ]}
        >
          <p className="pt-2 t2">This is {tab}.</p>
        </Tabs>
      </div>
    </>
  );
}
