"use client";
import { useSuspenseQuery } from "@tanstack/react-query";
import { type Outputs, useTRPC } from "@/components/trpc/client";
import { LinkButton } from "@/components/ui/button";
import { EmptyState } from "@/components/ui/feedback";
import { PageHeader } from "@/components/ui/page-header";
import { Panel } from "@/components/ui/panel";
import { StatusBadge } from "@/components/ui/status";
import { laneName } from "@/server/gateway/contract";
import { ApiOperations } from "./api-operations";
import { AskForm } from "./ask-form";
import { EnvironmentSwitch, inEnvironment, useEnvironment } from "./environment";
import { SnippetsPanel } from "./snippets-panel";

export type Api = Outputs["releases"]["api"];

/** How programs ask a model: its document, a request to try, and texts to paste. */
export function ApiPage({ team, model }: { team: string; model: string }) {
  const trpc = useTRPC();
  const [environment, setEnvironment] = useEnvironment();
  const { data: page } = useSuspenseQuery(trpc.releases.api.queryOptions({ team, model, environment }));
  const { api, serving, samples } = page;
  const release = inEnvironment(`/${team}/releases/${model}`, environment);
  return (
    <>
      <PageHeader
        title={`API of ${page.model.name}`}
        state={
          serving ? (
            <StatusBadge state="ok">v{serving.version} serves</StatusBadge>
          ) : (
            <StatusBadge state="off">nothing serves</StatusBadge>
          )
        }
        meta="Open Inference Protocol V2"
        actions={
          <>
            <EnvironmentSwitch value={environment} onValueChange={setEnvironment} />
            {api && (
              <a
                className="btn"
                href={inEnvironment(`/api/releases/${team}/${model}/openapi.json`, environment)}
                download
              >
                openapi.json
              </a>
            )}
          </>
        }
        crumbs={[
          { label: "Releases", href: `/${team}/releases` },
          { label: page.model.name, href: release },
          { label: "API" },
        ]}
      />
      {api && serving ? (
        <div className="api-columns">
          <ApiOperations document={api.document} />
          <div className="col">
            <AskForm
              key={`${environment} ${serving.digest}`}
              team={team}
              model={page.model.name}
              environment={environment}
              inputs={api.inputs}
              samples={samples}
            />
            <SnippetsPanel
              team={team}
              name={laneName(page.model.name, environment)}
              gatewayUrl={page.gatewayUrl}
              inputs={api.inputs}
              dataset={samples?.dataset}
            />
          </div>
        </div>
      ) : (
        <Panel label="No API">
          <EmptyState
            title={serving ? "V2 can't carry what this model takes" : "Nothing serves yet"}
            actions={<LinkButton href={`/${team}/models/${model}`}>Versions of {page.model.name}</LinkButton>}
          >
            {serving
              ? `v${serving.version} has an input or an output of a datatype that the protocol does not have.`
              : `Once a version is in ${environment}, its operations, a form to try them and examples stand here. A version gets there from its page.`}
          </EmptyState>
        </Panel>
      )}
    </>
  );
}
