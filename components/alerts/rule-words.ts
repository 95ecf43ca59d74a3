import type { Outputs } from "@/components/trpc/client";

export type Rules = Outputs["alerts"]["rules"];
export type Written = Rules["written"][number];
export type StarterRow = Rules["starters"][number];

export const ONLY_OPERATORS = "It takes an operator or an admin.";
