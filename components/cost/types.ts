import type { Outputs } from "@/components/trpc/client";

export type Cost = Outputs["cost"]["page"];
export type Spent = Outputs["cost"]["spending"]["rows"][number];
