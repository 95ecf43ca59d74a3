import { LinkButton } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { PageHeader } from "@/components/ui/page-header";
import { SourceChoice } from "./source-choice";

export function NoVersionChosen({ team }: { team: string }) {
  return (
    <>
      <PageHeader
        title="New run"
        crumbs={[{ label: "Training", href: `/${team}/training` }, { label: "New run" }]}
        actions={<SourceChoice team={team} value="version" />}
      />
      <EmptyState
        title="Choose what to train"
        actions={
          <LinkButton variant="primary" href={`/${team}/models`}>
            Open models
          </LinkButton>
        }
      >
        Open a version and press Recover by training: a compressed version learns its ancestor's answers back
        in about an epoch. Or bring a torchrun script of your own.
      </EmptyState>
    </>
  );
}
