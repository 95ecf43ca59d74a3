import type { Outputs } from "@/components/trpc/client";

export type ClusterOverview = Outputs["cluster"]["overview"];
export type ClusterNode = ClusterOverview["nodes"][number];
export type Decision = Outputs["cluster"]["ledger"]["decisions"][number];
export type NodePage = Outputs["cluster"]["node"];
