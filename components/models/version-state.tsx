import type { State } from "@/components/ui/shape";
import { StatusBadge, StatusDot } from "@/components/ui/status";
import type { VersionState } from "@/server/models/contract";

const STATE: Record<VersionState, State> = {
  inspecting: "running",
  ready: "ok",
  refused: "bad",
  failed: "bad",
};
const WORDS: Record<VersionState, string> = {
  inspecting: "inspecting",
  ready: "ready",
  refused: "refused",
  failed: "not inspected",
};

export const VersionStateDot = ({ state }: { state: VersionState }) => (
  <StatusDot state={STATE[state]}>{WORDS[state]}</StatusDot>
);

export const VersionStateBadge = ({ state }: { state: VersionState }) => (
  <StatusBadge state={STATE[state]}>{WORDS[state]}</StatusBadge>
);
