import type { Outputs } from "@/components/trpc/client";

export type Overview = Outputs["overview"]["page"];
export type Problem = Overview["problems"][number];
export type Served = Overview["production"][number];
