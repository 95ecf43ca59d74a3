"use client";
import { type QueryKey, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { readError, useTRPC } from "@/components/trpc/client";
import { syncClock, useNow } from "@/components/ui/clock";
import { cx } from "@/components/ui/cx";
import {
  age,
  clockTime,
  count,
  datetime,
  duration,
  money,
  ms,
  percent,
  plural,
} from "@/components/ui/format";
import { StatusDot } from "@/components/ui/status";
import type { Overview, Problem } from "./types";
import { capacitySays, HEALTH, headline, openOf, rate, shadowShare, spendingSays } from "./words";

const PERIOD_MS = 2_000;
/** Older than this is said to be old. */
const STALE_MS = 10_000;
const ANSWER_MS = 8_000;
const ROWS = 6;
const RUNS = 4;
/** Below a problem of two lines more would leave no room for the figures. */
const RUNS_BESIDE = 2;
/** Hours of the screen's own day in which it is dimmed. */
const NIGHT = { from: 22, to: 6 };

/**
 * The overview for a screen that nobody touches: read again every two seconds for as long as it hangs there, through
 * restarts of the console, and never showing what is old as if it were new.
 */
export function WallPage({ team }: { team: string | null }) {
  const trpc = useTRPC();
  const query = trpc.overview.wall.queryOptions(
    { team },
    {
      refetchInterval: PERIOD_MS,
      refetchIntervalInBackground: true,
      retry: false,
      // A screen without a network still asks, so that it is back when the network is.
      networkMode: "always",
      trpc: { abortOnUnmount: true },
    },
  );
  const { data, error, dataUpdatedAt, isFetching } = useQuery(query);
  useGivingUp(isFetching, query.queryKey);
  const now = useNow();
  useEffect(() => {
    if (data) syncClock(data.at.getTime());
  }, [data]);
  const refused = error && readError(error);
  // A screen whose token was revoked shows nothing of the team any more.
  if (!data || refused?.isSignedOut)
    return (
      <main className="wall-empty">
        <h1>{refused ? refused.message : "Asking the console…"}</h1>
        {refused &&
          (refused.isSignedOut ? (
            <a className="btn lg" href="/wall">
              Sign it in
            </a>
          ) : (
            <p>It is asked again every two seconds.</p>
          ))}
      </main>
    );
  const behind = now === null ? 0 : now - data.at.getTime();
  const isStale = behind > STALE_MS;
  const [first] = data.problems;
  return (
    <main className={cx("wall", now !== null && isNight(new Date()) && "night", isStale && "is-stale")}>
      <header>
        <h1>{data.team}</h1>
        {isStale ? (
          <StatusDot state="stale">No link for {age(behind)}</StatusDot>
        ) : (
          <StatusDot state="ok">Live</StatusDot>
        )}
        <span className="grow" />
        {now !== null && (
          <>
            <span className="t2">{datetime(now).slice(0, 6)}</span>
            <b className="wall-clock num">{clockTime(now)}</b>
            <span className="t2">UTC</span>
          </>
        )}
      </header>
      {isStale && (
        <div className="wall-stale" role="alert">
          What is shown is from {clockTime(dataUpdatedAt)} UTC:{" "}
          {refused?.message ?? "the console does not answer"}
        </div>
      )}
      <First problem={first} overview={data} now={now} />
      <div className="wall-middle">
        <Production rows={data.production} />
        <Right overview={data} />
      </div>
      <Footer overview={data} />
    </main>
  );
}

/** A question whose answer does not come is given up, so that the next can be asked. */
function useGivingUp(isFetching: boolean, queryKey: QueryKey): void {
  const queryClient = useQueryClient();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key is the same for as long as the screen shows one team.
  useEffect(() => {
    if (!isFetching) return;
    const timer = setTimeout(() => void queryClient.cancelQueries({ queryKey }), ANSWER_MS);
    return () => clearTimeout(timer);
  }, [isFetching, queryClient]);
}

const isNight = (at: Date) => at.getHours() >= NIGHT.from || at.getHours() < NIGHT.to;

/** The worst problem, or that there is none: the largest thing on the screen. */
function First({
  problem,
  overview,
  now,
}: {
  problem: Problem | undefined;
  overview: Overview;
  now: number | null;
}) {
  if (!problem)
    return (
      <section className="wall-first ok">
        <div className="wall-line">
          <StatusDot state="ok">{headline(overview)}</StatusDot>
        </div>
        <div className="wall-title">
          {overview.production.length === 0
            ? "Nothing serves yet"
            : `${plural(overview.production.length, "model serves", "models serve")} production`}
        </div>
      </section>
    );
  const others = openOf(overview) - Number(problem.standing === "open");
  return (
    <section className={cx("wall-first", problem.severity === "bad" ? "bad" : "warn")} role="alert">
      <div className="wall-line">
        <StatusDot state={problem.severity === "bad" ? "bad" : "warning"}>{problem.place}</StatusDot>
        {problem.since && now !== null && (
          <span className="num">for {duration(Math.max(0, now - problem.since.getTime()) / 1000)}</span>
        )}
        {others > 0 && <span>and {others} more</span>}
      </div>
      <div className="wall-title">{problem.title}</div>
      <div className="wall-detail">{problem.detail}</div>
    </section>
  );
}

function Production({ rows }: { rows: Overview["production"] }) {
  return (
    <section>
      <h2>Production{rows.length > ROWS && `, ${ROWS} of ${rows.length}`}</h2>
      <table aria-label="Models in production">
        <tbody>
          {rows.slice(0, ROWS).map((row) => (
            <tr key={row.modelId}>
              <td className="m clip" title={row.model}>
                {row.model}
              </td>
              <td>
                v{row.version}
                {row.shadow && (
                  <span className="t3">
                    , v{row.shadow.version} {shadowShare(row.shadow)}
                  </span>
                )}
              </td>
              <td>
                <StatusDot state={HEALTH[row.health].state}>{HEALTH[row.health].words}</StatusDot>
              </td>
              <td className="num">{rate(row.perSecond)}</td>
              <td className="num">
                {row.p99Us === null ? <span className="t3">none</span> : ms(row.p99Us / 1000)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p className="t3">Nothing serves production yet.</p>}
    </section>
  );
}

function Right({ overview: { problems, runs, cluster } }: { overview: Overview }) {
  const capacity = capacitySays(cluster);
  return (
    <section>
      <h2>
        Runs: {count(runs.running)} running{runs.queued > 0 && `, ${count(runs.queued)} queued`}
      </h2>
      <table aria-label="Runs in progress">
        <tbody>
          {runs.shown.slice(0, problems.length > 0 ? RUNS_BESIDE : RUNS).map((run) => (
            <tr key={run.id}>
              <td className="m num">{run.number}</td>
              <td className="clip" title={run.title}>
                {run.title}
              </td>
              <td className="num">
                {run.progress?.percent == null ? (
                  <span className="t3">waits</span>
                ) : (
                  percent(run.progress.percent / 100, 0)
                )}
              </td>
              <td className="num">{run.progress?.etaSeconds != null && duration(run.progress.etaSeconds)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className="wall-figures">
        <div>
          <div className="n num">{capacity.value}</div>
          <div className="t2">
            {cluster.isAway ? "the cluster does not answer" : `${capacity.unit} ready against demand`}
          </div>
        </div>
        <div>
          <div className="n num">{cluster.spent ? money(cluster.spent.amount) : "no price"}</div>
          <div className="t2">{cluster.spent ? spendingSays(cluster.spent) : "spent today"}</div>
        </div>
      </div>
    </section>
  );
}

function Footer({ overview: { waiting, changes } }: { overview: Overview }) {
  const [open] = waiting.filter(({ state, environment }) => state === "open" && environment === "production");
  const [last] = changes;
  return (
    <footer>
      <span className="clip">
        {open
          ? `${open.model} v${open.version} waits for an approval, asked for by ${open.requestedBy}`
          : "Nobody waits for an approval"}
      </span>
      <span className="grow" />
      {last && (
        <span className="clip">
          {clockTime(last.at.getTime()).slice(0, 5)} {last.actor}: {last.summary}
        </span>
      )}
    </footer>
  );
}
