"use client";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { SpendChart } from "@/components/charts/spend-chart";
import { useTRPC } from "@/components/trpc/client";
import { QueryError } from "@/components/trpc/query-error";
import { useMay } from "@/components/trpc/use-may";
import { Button, LinkButton } from "@/components/ui/button";
import { Callout, EmptyState } from "@/components/ui/feedback";
import { clockTime, decimal, money, percent } from "@/components/ui/format";
import { PanelLoading, TilesLoading } from "@/components/ui/loading";
import { Metric } from "@/components/ui/metric";
import { PageHeader } from "@/components/ui/page-header";
import { Panel, Tiles } from "@/components/ui/panel";
import { Select } from "@/components/ui/select";
import { StatusDot } from "@/components/ui/status";
import { useUrlState } from "@/components/ui/use-url-state";
import { Month } from "@/server/cost/contract";
import { BudgetDialog } from "./budget-dialog";
import { budgetSays } from "./budget-preview";
import { forecastCourse, spentCourse } from "./course";
import { PoolsPanel } from "./pools-panel";
import { SpendPanel } from "./spend-panel";
import type { Cost } from "./types";
import { monthName } from "./words";

/** The books are kept each half minute. */
const RENEW_MS = 30_000;

const crumbsOf = (team: string) => [{ label: "Cluster", href: `/${team}/cluster` }, { label: "Cost" }];

/** A month against its budget: what it cost, where it leads, and on what it was spent. */
export function CostPage({ team }: { team: string }) {
  const trpc = useTRPC();
  const [asked, setMonth] = useUrlState("month");
  const month = Month.safeParse(asked).data ?? null;
  const page = useQuery(
    trpc.cost.page.queryOptions(
      { team, month },
      { refetchInterval: RENEW_MS, placeholderData: keepPreviousData },
    ),
  );
  if (page.isPending) return <Loading team={team} />;
  if (!page.data)
    return (
      <>
        <PageHeader title="Cost" crumbs={crumbsOf(team)} />
        <Panel title="The month">
          <QueryError
            error={page.error}
            remedy="The books are kept meanwhile, and a cap holds; only this page is missing."
            onRetry={page.refetch}
          />
        </Panel>
      </>
    );
  const cost = page.data;
  const months = cost.months.includes(cost.month) ? cost.months : [cost.month, ...cost.months];
  return (
    <>
      <PageHeader
        title="Cost"
        state={<Headline cost={cost} />}
        meta={
          cost.bookedUntil
            ? `booked until ${clockTime(cost.bookedUntil.getTime())}, all in UTC`
            : "months are those of UTC"
        }
        crumbs={crumbsOf(team)}
        actions={
          <span className="narrow-select">
            <Select
              label="Month"
              options={months.map((value) => ({ value, label: monthName(value) }))}
              value={cost.month}
              onValueChange={(next) => setMonth(next === cost.months[0] ? "" : next)}
            />
          </span>
        }
      />
      <div className="g">
        <Unpriced team={team} cost={cost} />
        <Figures cost={cost} />
        <div className="g cluster-top">
          <Course cost={cost} />
          <BudgetPanel team={team} cost={cost} />
        </div>
        <SpendPanel team={team} cost={cost} month={month} />
        <PoolsPanel whole={cost.whole} />
      </div>
    </>
  );
}

/** The shapes of what comes. */
function Loading({ team }: { team: string }) {
  return (
    <>
      <PageHeader title="Cost" crumbs={crumbsOf(team)} />
      <div className="g">
        <TilesLoading count={4} />
        <div className="g cluster-top">
          <PanelLoading title="Spent so far" height={280} />
          <PanelLoading title="Budget" height={280} />
        </div>
        <PanelLoading title="Spent on" height={260} />
      </div>
    </>
  );
}

function Headline({ cost: { budget, spent, isCurrent } }: { cost: Cost }) {
  if (budget.amount === null || !isCurrent) return null;
  if (spent >= budget.amount)
    return (
      <StatusDot state="bad">{budget.isHard ? "spent: nothing new starts" : "over the budget"}</StatusDot>
    );
  const passed = budget.thresholds.findLast((one) => spent >= ((budget.amount ?? 0) * one) / 100);
  if (passed !== undefined) return <StatusDot state="warning">over {passed}% of the budget</StatusDot>;
  return <StatusDot state="ok">within the budget</StatusDot>;
}

/** Without a price nothing is known, and with some it was more. */
function Unpriced({ team, cost: { unpricedHours, poolsWithoutPrice } }: { team: string; cost: Cost }) {
  const [pool] = poolsWithoutPrice;
  if (pool === undefined && unpricedHours === 0) return null;
  const set = pool !== undefined && (
    <LinkButton size="sm" href={`/${team}/cluster?pool=${encodeURIComponent(pool)}`}>
      Set its price
    </LinkButton>
  );
  return (
    <Callout state="warning" actions={set}>
      {pool !== undefined && `Nodes of ${poolsWithoutPrice.join(", ")} have no price. `}
      {unpricedHours > 0
        ? `${decimal(unpricedHours, 1)} node hours of this month are not in its figures: it was more.`
        : "What runs on them is not in these figures."}
    </Callout>
  );
}

function Figures({ cost: { spent, budget, forecast, whole, isCurrent, month } }: { cost: Cost }) {
  const idle = whole.reduce((sum, pool) => sum + pool.idle, 0);
  const all = whole.reduce((sum, pool) => sum + pool.own + pool.others + pool.idle, 0);
  const of = (amount: number) =>
    budget.amount === null || budget.amount === 0
      ? undefined
      : `${percent(amount / budget.amount, 0)} of the budget`;
  return (
    <Tiles label="In short">
      <Metric
        label={`Spent in ${monthName(month)}`}
        value={money(spent)}
        note={of(spent) ?? "by this team's work"}
      />
      <Metric
        label="Budget of a month"
        value={budget.amount === null ? "none" : money(budget.amount)}
        note={
          budget.amount === null
            ? "nothing is told or stopped"
            : budget.isHard
              ? "a hard cap"
              : "told, not stopped"
        }
      />
      <Metric
        label="Forecast to the month's end"
        value={forecast ? money(forecast.expected) : isCurrent ? "not yet" : "over"}
        note={
          forecast
            ? (of(forecast.expected) ?? `${money(forecast.perDay)} a day`)
            : isCurrent
              ? "it takes a whole day"
              : "the month has ended"
        }
      />
      <Metric
        label="Idle nodes, nobody's"
        value={money(idle)}
        note={all > 0 ? `${percent(idle / all, 0)} of what all nodes cost; in no budget` : "in no budget"}
      />
    </Tiles>
  );
}

function Course({ cost }: { cost: Cost }) {
  const spent = spentCourse(cost);
  const last = spent.at(-1);
  if (cost.days.length === 0 || !last)
    return (
      <Panel title="Spent so far">
        <EmptyState title={`Nothing was spent in ${monthName(cost.month)}`}>
          What this team's runs, sessions and replicas take of nodes is added up here, by the price of their
          pools.
        </EmptyState>
      </Panel>
    );
  return (
    <SpendChart
      title="Spent so far"
      spent={spent}
      forecast={forecastCourse(last, cost)}
      budget={cost.budget.amount}
      range={[cost.from, cost.until]}
      file={`cost-${cost.month}`}
    />
  );
}

function BudgetPanel({ team, cost }: { team: string; cost: Cost }) {
  const may = useMay(team);
  const [edited, setEdited] = useUrlState("edit");
  const mayEdit = may("budget.edit");
  const { budget, forecast } = cost;
  return (
    <Panel
      title="Budget"
      padded
      tools={
        <Button
          size="sm"
          reason={mayEdit ? undefined : "It takes an operator or an admin."}
          reasonAt="hidden"
          onClick={() => setEdited("budget")}
        >
          {budget.amount === null ? "Set…" : "Edit…"}
        </Button>
      }
    >
      <div className="col">
        {budget.amount === null ? (
          <p className="t2">
            There is none. With one this team is told before it is spent, or stopped when it is.
          </p>
        ) : (
          budgetSays(budget, cost).map((says) => <p key={says}>{says}</p>)
        )}
        {forecast && (
          <p className="t2">
            The forecast is what is spent, and for the time left the mean of the last{" "}
            {forecast.fromDays === 1 ? "whole day" : `${forecast.fromDays} whole days`}
            {forecast.range
              ? `; 8 months of 10 would end between ${money(forecast.range.low)} and ${money(forecast.range.high)}, by how much those days differ.`
              : "; from one day no range is known."}
          </p>
        )}
      </div>
      {edited === "budget" && mayEdit && (
        <BudgetDialog team={team} cost={cost} onClose={() => setEdited("")} />
      )}
    </Panel>
  );
}
