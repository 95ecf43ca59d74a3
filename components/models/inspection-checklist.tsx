"use client";
import { type CheckItem, Checklist } from "@/components/ui/checklist";
import { bytes, shortDigest } from "@/components/ui/format";
import { Panel } from "@/components/ui/panel";
import type { VersionPageData } from "./version-page";

/** What each check of the sandbox asks, by the id it reports. */
const LABELS: Record<string, string> = {
  received: "Opened in the sandbox",
  magic: "Is what its name says",
  structure: "Safe to open",
  checker: "Graph parsed",
  shapes: "Shapes inferred",
  test_inference: "Test run",
  importable: "Importable to PyTorch",
};

/** The inspection as it goes on: what the console did itself, then what the sandbox reports. */
export function InspectionChecklist({ page: { version, run } }: { page: VersionPageData }) {
  const reported = run?.progress?.checklist ?? [];
  const known =
    reported.length > 0 ? reported : Object.keys(LABELS).map((id) => ({ id, state: "pending" as const }));
  const items: CheckItem[] = [
    { id: "stored", label: "Received", state: "ok", value: bytes(version.bytes) },
    { id: "hash", label: "Hash verified", state: "ok", value: `sha256 ${shortDigest(version.digest)}` },
    ...known.map((item) => ({
      id: item.id,
      label: LABELS[item.id] ?? item.id.replaceAll("_", " "),
      state: item.state,
      value: "detail" in item ? item.detail : undefined,
    })),
  ];
  const done = items.filter((item) => item.state === "ok" || item.state === "warning").length;
  const subtitle =
    version.state !== "inspecting"
      ? `${done} of ${items.length} checks passed`
      : run?.state === "queued"
        ? "waiting for a worker: the cluster is placing the sandbox on a node"
        : `${done} of ${items.length} checks`;
  return (
    <Panel title="Inspection" subtitle={subtitle}>
      <Checklist label="Inspection" items={items} />
    </Panel>
  );
}
