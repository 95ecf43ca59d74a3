"use client";
import { useRouter } from "next/navigation";
import { Segmented } from "@/components/ui/segmented";

/** What a new run is made from; the address says which. */
export function SourceChoice({ team, value }: { team: string; value: "version" | "script" }) {
  const router = useRouter();
  return (
    <Segmented
      label="Source"
      value={value}
      onValueChange={(next) =>
        router.replace(`/${team}/training/new${next === "script" ? "?source=script" : ""}`)
      }
      options={[
        { value: "version", label: "From a version" },
        { value: "script", label: "Own script" },
      ]}
    />
  );
}
