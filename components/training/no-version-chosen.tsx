import { LinkButton } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { PageHeader } from "@/components/ui/page-header";

export function NoVersionChosen({ team }: { team: string }) {
  return (
    <>
      <PageHeader
        title="New run"
        crumbs={[{ label: "Training", href: `/${team}/training` }, { label: "New run" }]}
      />
      <EmptyState
        title="Choose what to train"
        actions={
          <LinkButton variant="primary" href={`/${team}/models`}>
            Open models
          </LinkButton>
        }
      >
        A run starts from a version: open one and press Recover by training. A compressed version learns its
        ancestor's answers back in about an epoch.
      </EmptyState>
    </>
  );
}
