import type { ReactNode } from "react";
import { DataProvider } from "@/components/trpc/client";

export default function ConsoleLayout({ children }: { children: ReactNode }) {
  return <DataProvider>{children}</DataProvider>;
}
