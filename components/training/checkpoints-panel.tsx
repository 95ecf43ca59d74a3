"use client";
import { Age } from "@/components/ui/age";
import { Digest } from "@/components/ui/digest";
import { bytes, count } from "@/components/ui/format";
import { Menu } from "@/components/ui/menu";
import { Panel } from "@/components/ui/panel";
import { Table } from "@/components/ui/table";
import type { RunDetail } from "./types";
import { useActs } from "./use-acts";

interface Props {
  team: string;
  run: RunDetail;
  mayLaunch: boolean;
}

/** What can be gone back to: each becomes a version, and what a stopped run left is gone on from. */
export function CheckpointsPanel({ team, run, mayLaunch }: Props) {
  const act = useActs(team, run);
  const reason = mayLaunch ? undefined : "It takes the right to launch runs.";
  return (
    <Panel title="Checkpoints" subtitle={run.checkpoints.length > 0 ? "newest first" : undefined}>
      <Table
        label="Checkpoints"
        tight
        maxHeight={220}
        rows={run.checkpoints}
        rowKey={(c) => c.id}
        empty={
          <p className="empty t2">The first one is written after {run.checkpointEvery ?? "some"} steps.</p>
        }
        columns={[
          { key: "step", head: "Step", cell: (c) => <span className="m num">{count(c.step)}</span> },
          { key: "attempt", head: "Attempt", align: "end", cell: (c) => c.attempt },
          { key: "kept", head: "Kept as", cell: (c) => c.kept },
          { key: "bytes", head: "Size", align: "end", cell: (c) => bytes(c.bytes) },
          { key: "digest", head: "Digest", cell: (c) => <Digest value={c.sha256} /> },
          {
            key: "age",
            head: "Age",
            align: "end",
            cell: (c) => <Age at={c.createdAt.getTime()} form="ago" />,
          },
          {
            key: "more",
            head: <span className="sr-only">What can be done</span>,
            align: "end",
            width: "40px",
            cell: (c) => (
              <Menu
                label={`More of step ${c.step}`}
                groups={[
                  {
                    items: [
                      { label: "Make a version", onPress: () => act.versionOf(c.id), reason },
                      {
                        label: "Continue from here",
                        onPress: () => act.goOn(c.id),
                        reason: run.can.continue
                          ? reason
                          : "Only a training that was stopped or failed goes on as another.",
                      },
                    ],
                  },
                ]}
              />
            ),
          },
        ]}
      />
    </Panel>
  );
}
