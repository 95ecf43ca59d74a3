import type { ReactNode } from "react";
import { DataProvider } from "@/components/trpc/client";

export default function AuthLayout({ children }: { children: ReactNode }) {
  return (
    <DataProvider>
      <main className="auth">{children}</main>
    </DataProvider>
  );
}
