"use client";

import { useMemo, useState } from "react";
import { AppFrame } from "@/components/frame/app-frame";
import { Button } from "@/components/ui/button";
import { useCommands } from "@/components/ui/commands";
import { PageHeader } from "@/components/ui/page-header";
import { ChartSections } from "./charts";
import { ControlSections } from "./controls";
import { DataSections } from "./data";
import { FeedbackSections } from "./feedback";
import { GroundSections } from "./ground";
import { OverlaySections } from "./overlays";

const TEAMS = [
  { id: "retail-vision", name: "retail-vision" },
  { id: "warehouse", name: "warehouse" },
];

/** The kit inside the frame, so that the frame is in it too. */
export function Kit({ now }: { now: number }) {
  const [team, setTeam] = useState("retail-vision");
  const [offlineSince, setOfflineSince] = useState<number>();
  useCommands(
    useMemo(
      () => [
        {
          id: "kit-rollback",
          group: "Actions",
          label: "Roll back garment-cls to v5…",
          hint: "warm",
          run: () => {},
        },
        {
          id: "kit-offline",
          group: "Actions",
          label: "Show the console offline",
          run: () => setOfflineSince(Date.now() - 12_000),
        },
      ],
      [],
    ),
  );
  return (
    <AppFrame
      team={{ id: team, name: team }}
      teams={TEAMS}
      onTeam={setTeam}
      user={{ name: "Ines Okafor", email: "ines.okafor@retail.example" }}
      counts={{ "/training": 6, "/releases": 1 }}
      needs={{ problems: 1, approvals: 1, href: "#needs" }}
      connection={
        offlineSince === undefined
          ? { state: "live" }
          : { state: "offline", since: offlineSince, onRetry: () => setOfflineSince(undefined) }
      }
      onSignOut={() => {}}
    >
      <PageHeader
        title="Kit"
        meta="every component in its states; 4 px grid, four type sizes, hairlines"
        actions={<Button onClick={() => setOfflineSince(Date.now() - 12_000)}>Go offline</Button>}
      />
      <div className="grid grid-cols-12 gap-3">
        <GroundSections now={now} />
        <ControlSections />
        <FeedbackSections />
        <DataSections />
        <ChartSections />
        <OverlaySections />
      </div>
    </AppFrame>
  );
}
