import type { Outputs } from "@/components/trpc/client";

export type ClusterOverview = Outputs["cluster"]["overview"];
export type ClusterNode = ClusterOverview["nodes"][number];
export type Decision = Outputs["cluster"]["ledger"]["decisions"][number];
export type Replay = NonNullable<Outputs["cluster"]["replay"]>;
export type ReplayFigures = Replay["asIs"];
export type NodePage = Outputs["cluster"]["node"];
