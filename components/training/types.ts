import type { Outputs } from "@/components/trpc/client";

export type RunDetail = Outputs["runs"]["get"];
export type RunRow = Outputs["runs"]["list"]["runs"][number];
export type ComparedRun = Outputs["runs"]["compare"][number];
export type ComparedLine = Outputs["runs"]["compareMetric"]["series"][number];
