"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { type Outputs, useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { Skeleton } from "@/components/ui/feedback";
import { count, money, significant } from "@/components/ui/format";
import { DefinitionList, Panel } from "@/components/ui/panel";

type Of = Outputs["cost"]["version"];
const NOT_KNOWN = "not known";

/** Fractions of a cent are what a request costs. */
const fine = (amount: number): string =>
  Math.abs(amount) >= 1 || amount === 0
    ? money(amount)
    : `${amount < 0 ? "−" : ""}$${significant(Math.abs(amount))}`;

/** What a version cost to make, what it costs to serve, and what that saves against its parent. */
export function VersionCostPanel(props: { team: string; model: string; number: number }) {
  const { team } = props;
  const trpc = useTRPC();
  const versionId = useQuery(trpc.models.version.queryOptions(props)).data?.version.id;
  const asked = useQuery({
    ...trpc.cost.version.queryOptions({ team, versionId: versionId ?? "" }),
    enabled: versionId !== undefined,
  });
  return (
    <Panel
      title="Cost"
      subtitle={
        <Link className="link" href={`/${team}/cluster/cost?by=version`}>
          all versions
        </Link>
      }
      padded
    >
      {asked.error ? (
        <QueryError error={asked.error} onRetry={asked.refetch} />
      ) : asked.data ? (
        <Facts cost={asked.data} />
      ) : (
        <Skeleton />
      )}
    </Panel>
  );
}

function Facts({ cost: { own, ancestors, serving, parent } }: { cost: Of }) {
  const made = sum(own);
  return (
    <>
      <DefinitionList
        items={[
          [
            "Making it",
            made === 0 && !own.over ? "nothing was spent" : `${over(own)}${fine(made)}${parts(own)}`,
          ],
          ...(ancestors
            ? [
                [
                  "Before it",
                  `${over(ancestors)}${fine(sum(ancestors))} for ${ancestors.versions === 1 ? "the version" : `the ${count(ancestors.versions)} versions`} that it came from`,
                ] as const,
              ]
            : []),
          [
            "Serving it",
            serving.perHour === null
              ? "not served, or at no known price"
              : `${fine(serving.perHour)} an hour now`,
          ],
          ["1,000 requests", serving.per1000 === null ? NOT_KNOWN : fine(serving.per1000)],
          ...(parent === null ? [] : [[`Against v${parent}`, savedSays(serving)] as const]),
        ]}
      />
      <p className="t3 s12">{basisSays(serving)}</p>
    </>
  );
}

const sum = ({ training, compression, sessions }: Of["own"]) => training + compression + sessions;
const over = ({ over }: { over: boolean }) => (over ? "over " : "");

/** ": $0.40 trained, $0.02 compressed, $0.10 in the studio". */
function parts({ training, compression, sessions }: Of["own"]): string {
  const said = [
    [training, "trained"],
    [compression, "compressed"],
    [sessions, "in the studio"],
  ] as const;
  return `: ${said.flatMap(([amount, how]) => (amount > 0 ? [`${fine(amount)} ${how}`] : [])).join(", ")}`;
}

function savedSays({ per1000, parentPer1000, saved, requests, days }: Of["serving"]): string {
  if (per1000 === null || parentPer1000 === null) return NOT_KNOWN;
  const difference = parentPer1000 - per1000;
  const each = `${fine(Math.abs(difference))} ${difference >= 0 ? "less" : "more"} for 1,000 requests`;
  if (saved === null || requests === 0) return each;
  return `${each}: ${fine(Math.abs(saved))} ${saved >= 0 ? "saved" : "lost"} over ${count(requests)} in ${days} days`;
}

function basisSays({ basis, days, cpuHour }: Of["serving"]): string {
  if (basis === "served") return `A request costs what replicas took for what they answered in ${days} days.`;
  if (basis === "latency" && cpuHour !== null)
    return `A request costs its median latency on one CPU, at ${fine(cpuHour)} an hour; too few were served to tell.`;
  return "What a request costs is known once 1,000 were served, or its latency was measured and every pool has a price.";
}
