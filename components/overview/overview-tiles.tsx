import Link from "next/link";
import { count, duration, money, plural } from "@/components/ui/format";
import { Metric } from "@/components/ui/metric";
import { Tiles } from "@/components/ui/panel";
import type { Overview } from "./types";
import { budgetSays, capacitySays, rate, spendingSays } from "./words";

interface Props {
  team: string;
  overview: Overview;
}

/** Five numbers that answer most visits. */
export function OverviewTiles({ team, overview: { production, runs, cluster, waiting, budget } }: Props) {
  const healthy = production.filter(({ health }) => health === "healthy" || health === "asleep").length;
  const perSecond = production.reduce((sum, row) => sum + row.perSecond, 0);
  const left = runs.shown.flatMap(({ state, progress }) =>
    state === "running" && progress?.etaSeconds != null ? [progress.etaSeconds] : [],
  );
  const capacity = capacitySays(cluster);
  const open = waiting.filter(({ state, environment }) => state === "open" && environment === "production");
  const [oldest] = open.toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime());
  return (
    <Tiles label="In short" className="overview-tiles">
      <Metric
        label="Production"
        value={production.length === 0 ? "nothing" : `${healthy} of ${production.length}`}
        unit={production.length === 0 ? "serves" : "healthy"}
        note={production.length === 0 ? "no version was released yet" : `${rate(perSecond)} over all models`}
      />
      <Metric
        label="Runs"
        value={count(runs.running)}
        unit={runs.queued > 0 ? `running, ${count(runs.queued)} queued` : "running"}
        note={
          left.length > 0
            ? `next ends in ${duration(Math.min(...left))}`
            : runs.running > 0
              ? "none says when it ends"
              : "nothing is under way"
        }
      />
      <Metric
        label={`${capacity.unit} ready against demand`}
        value={capacity.value}
        note={
          cluster.isAway
            ? "as it was last heard of"
            : cluster.starting > 0
              ? `${plural(cluster.starting, "node is", "nodes are")} starting`
              : capacity.isShort
                ? "more is asked for than there is"
                : `${plural(cluster.nodes, "node")}; nothing waits`
        }
      />
      <Metric
        label={
          <Link className="link" href={`/${team}/cluster/cost`}>
            Spent today, all teams
          </Link>
        }
        value={cluster.spent ? money(cluster.spent.amount) : "no price"}
        note={
          budget
            ? budgetSays(budget)
            : cluster.spent
              ? spendingSays(cluster.spent)
              : "set one on the Cluster page"
        }
      />
      <Metric
        label="Approvals waiting"
        value={String(open.length)}
        note={
          oldest ? `${oldest.model} v${oldest.version}, by ${oldest.requestedBy}` : "nobody waits for one"
        }
      />
    </Tiles>
  );
}
