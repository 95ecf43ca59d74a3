import type { Outputs } from "@/components/trpc/client";

export type RunDetail = Outputs["runs"]["get"];
export type RunRow = Outputs["runs"]["list"]["runs"][number];
