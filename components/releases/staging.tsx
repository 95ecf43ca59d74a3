"use client";
import { useMay } from "@/components/trpc/use-may";
import { LinkButton } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { Panel } from "@/components/ui/panel";
import { StageDialog } from "./stage-dialog";
import type { ModelPage } from "./words";

/** What staging is there for: another version, or the one that serves there on to production. */
export function StagingActions({ team, page }: { team: string; page: ModelPage }) {
  const may = useMay(team);
  const { serving, releases, model } = page;
  return (
    <>
      {releases.length > 0 && <StageDialog team={team} model={model.name} />}
      {serving && may("release.request") && (
        <LinkButton variant="primary" href={`/${team}/releases/request?version=${serving.versionId}`}>
          Promote v{serving.version} to production…
        </LinkButton>
      )}
    </>
  );
}

export function EmptyStaging({ team, model }: { team: string; model: string }) {
  return (
    <Panel label="Staging is empty" className="mb-3">
      <EmptyState
        title="Nothing was released to staging yet"
        actions={<StageDialog team={team} model={model} isPrimary />}
      >
        Staging serves a version to those who ask for {model}@staging, while production goes on as it is. Its
        gates are judged as production’s; nobody has to approve.
      </EmptyState>
    </Panel>
  );
}
