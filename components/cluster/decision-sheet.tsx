"use client";
import { useQuery } from "@tanstack/react-query";
import type { Outputs } from "@/components/trpc/client";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { TextAction } from "@/components/ui/button";
import { useNow } from "@/components/ui/clock";
import { Sheet } from "@/components/ui/dialog";
import { Callout, Skeleton } from "@/components/ui/feedback";
import { datetime, duration, money } from "@/components/ui/format";
import { DefinitionList } from "@/components/ui/panel";
import { StatusDot } from "@/components/ui/status";
import { Table } from "@/components/ui/table";
import { useUrlState } from "@/components/ui/use-url-state";
import { achievedSays, CAUSES, failureSays } from "./decision-words";
import { Section, Works } from "./works-list";

type DecisionPage = Outputs["cluster"]["decision"];

/** One decision: what was asked for then, the lives of its nodes and what ran on them; `?decision=…` opens it. */
export function DecisionSheet({ team }: { team: string }) {
  const trpc = useTRPC();
  const [asked, setAsked] = useUrlState("decision");
  const id = Number(asked);
  const isAsked = Number.isSafeInteger(id) && id > 0;
  const found = useQuery(
    trpc.cluster.decision.queryOptions({ team, id }, { enabled: isAsked, retry: false }),
  );
  const decision = found.data?.id === id ? found.data : undefined;
  const cause = decision && CAUSES[decision.cause];
  return (
    <Sheet
      open={isAsked}
      onOpenChange={(open) => !open && setAsked("")}
      title={
        decision
          ? decision.cause === "flapping"
            ? `A node of ${decision.pool}`
            : `${decision.direction === "up" ? "+" : "−"}${decision.requested} ${decision.pool}`
          : "Decision"
      }
      state={cause && <StatusDot state={cause.shape}>{cause.word}</StatusDot>}
    >
      {found.error ? (
        <QueryError error={found.error} onRetry={found.refetch} />
      ) : decision ? (
        <Body team={team} decision={decision} />
      ) : (
        <div className="body col">
          <Skeleton width="70%" />
          <Skeleton width="50%" />
          <Skeleton height={120} />
        </div>
      )}
    </Sheet>
  );
}

function Body({ team, decision }: { team: string; decision: DecisionPage }) {
  const now = useNow();
  const [, openNode] = useUrlState("node");
  const [, close] = useUrlState("decision");
  const failed = failureSays(decision, now ?? 0);
  const known = (value: number | null) => (value === null ? "not yet" : `after ${duration(value)}`);
  const isUp = decision.direction === "up";
  return (
    <>
      {failed && (
        <Callout state={decision.achieved < decision.requested ? "warning" : "ok"}>{failed}</Callout>
      )}
      <div className="body">
        <p>{decision.reason}</p>
        <DefinitionList
          items={[
            ["Decided", datetime(decision.at.getTime(), "local")],
            ...(isUp
              ? ([
                  ["Achieved", achievedSays(decision)],
                  ["Useful", known(decision.usefulSeconds)],
                ] as const)
              : []),
            ...(decision.cooldownSeconds === null
              ? []
              : ([["Cooldown", `${duration(decision.cooldownSeconds)} without work`]] as const)),
            ["Asked for then", demandsSay(decision.demands)],
            ["Cost so far", costSays(decision)],
          ]}
        />
      </div>
      <Section title="Its nodes">
        <Table
          label="Nodes of the decision"
          tight
          maxHeight={240}
          rows={decision.nodes}
          rowKey={(node) => node.id}
          empty={<p className="empty t2">None came yet.</p>}
          columns={[
            {
              key: "name",
              head: "Node",
              cell: (node) => (
                <TextAction
                  onClick={() => {
                    close("");
                    openNode(node.id);
                  }}
                >
                  {node.name}
                </TextAction>
              ),
            },
            { key: "up", head: "Up for", align: "end", cell: (node) => duration(node.seconds) },
            {
              key: "cost",
              head: "Cost",
              align: "end",
              cell: (node) => (node.cost === null ? "not known" : money(node.cost)),
            },
          ]}
        />
      </Section>
      <Section title="What ran on them">
        <Works team={team} works={decision.works} empty="Nothing of this team ran on them." />
      </Section>
    </>
  );
}

function costSays({ cost, nodes }: DecisionPage): string {
  if (nodes.length === 0) return "nothing: no node came";
  return cost === null ? "not known: a node of it has no price" : money(cost);
}

function demandsSay(demands: DecisionPage["demands"]): string {
  const says = demands.map(
    ({ shape, count }) =>
      `${count} × ${Object.entries(shape)
        .map(([name, amount]) => `${amount} ${name}`)
        .join(" + ")}`,
  );
  return says.length > 0 ? says.join(", ") : "nothing that had no room";
}
