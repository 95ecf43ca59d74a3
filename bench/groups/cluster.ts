/**
 * A cluster of 1,000 nodes with 8 GPUs each, played through a day by the agent's own protocol: what a report costs, how
 * long charts and the page's data take, and what it leaves on the disk. On a Postgres of its own; nothing else runs.
 */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { connect, type Database } from "../../db/client";
import { migrate } from "../../db/migrate";
import { nodePage, overview, rollUpUsage, usage } from "../../server/cluster/service";
import { type Played, playCluster } from "../../server/cluster/testing";
import { FakeCluster } from "../../server/engine/fake-cluster";
import type { TeamContext } from "../../server/platform/context";
import { startPostgres } from "../../server/platform/supervise/postgres";
import { preparePostgresHome } from "../../server/platform/supervise/postgres-home";
import { makeTeam } from "../../server/runs/testing";
import { type Figures, figure } from "../result";

const SHAPE = { nodes: 1_000, gpus: 8, seed: 7, churn: 20 };
const DAY_SECONDS = 86_400;
/** Reports of every second, timed; the rest of the day is told at longer steps, which leaves as many rows of nodes. */
const STEADY = 120;
const STEP_SECONDS = 60;
const VIEWS = 20;
const MIB = 2 ** 20;

export async function cluster(): Promise<Figures> {
  const home = await mkdtemp(join(tmpdir(), "lathe-bench-"));
  await chmod(home, 0o711); // As root, Postgres runs as somebody else, who must get through.
  const options = await preparePostgresHome(home, join(home, "postgres.log"));
  const postgres = await startPostgres(options);
  Object.assign(process.env, { LATHE_HOME: home, DATABASE_URL: postgres.url("postgres") });
  await migrate(postgres.url("postgres"));
  const { db, pool } = connect(postgres.url("postgres"));
  try {
    return await measured(db);
  } finally {
    await pool.end();
    await postgres.stop();
    await rm(home, { recursive: true, force: true });
    await rm(options.sockets, { recursive: true, force: true });
  }
}

async function measured(db: Database): Promise<Figures> {
  const ctx = await makeTeam(db);
  const began = Date.now() - DAY_SECONDS * 1000;
  const played = await playCluster(db, began);
  const fake = new FakeCluster(played.agent, SHAPE);
  const joined = await timed(() => played.agent.tell());
  const { readings, changes } = await reports(played, fake);
  const steady = await sizes(db);
  const { reports: told, seconds, rolled } = await restOfDay(db, played, fake);
  await db.execute(sql`vacuum analyze`);
  const bytes = await sizes(db);
  const day = { from: began, to: played.clock.now };
  return {
    "cluster.report_readings": figure(readings, "ms", {
      of: "1,000 nodes × 8 GPUs, from the agent's words to the commit",
    }),
    "cluster.report_change": figure(changes, "ms", { of: "all nodes told because one changed" }),
    "cluster.report_join": figure([joined], "ms", { of: "1,000 nodes at once" }),
    "cluster.page_1000_nodes": figure(await times(() => overview(ctx)), "ms", { of: "the server's part" }),
    ...(await charts(ctx, day)),
    "cluster.day_bytes": figure([bytes.total / MIB], "MiB", {
      mib: Object.fromEntries(Object.entries(bytes).map(([name, size]) => [name, size / MIB])),
      openAfterSteadyMib: (steady.usage_open ?? 0) / MIB,
      reports: told,
      playedInSeconds: seconds,
      stepSeconds: STEP_SECONDS,
    }),
    "cluster.roll_up_hour": figure(rolled, "ms"),
  };
}

async function charts(ctx: TeamContext, day: { from: number; to: number }): Promise<Figures> {
  const [node] = (await overview(ctx)).nodes;
  if (!node) throw new Error("no node is up");
  const hour = { from: day.to - 3_600_000, to: day.to };
  const chart = (
    of: Parameters<typeof usage>[1]["of"],
    metrics: Parameters<typeof usage>[1]["metrics"],
    range: typeof day,
  ) => times(() => usage(ctx, { of, metrics, ...range, width: 800 }, day.to));
  const ofNode = { kind: "node", id: node.id } as const;
  const all = ["cpu", "memory", "gpu", "gpuMemory", "celsius", "watts"] as const;
  return {
    "cluster.chart_cluster_day": figure(await chart({ kind: "cluster" }, ["cpu", "gpu"], day), "ms"),
    "cluster.chart_pool_hour": figure(await chart({ kind: "pool", name: "gpu-a" }, ["gpu"], hour), "ms"),
    "cluster.chart_node_day": figure(await chart(ofNode, [...all], day), "ms", {
      series: 2 + 4 * SHAPE.gpus,
    }),
    "cluster.chart_node_hour": figure(await chart(ofNode, ["gpu"], hour), "ms"),
    "cluster.node_page": figure(await times(() => nodePage(ctx, { id: node.id })), "ms"),
  };
}

/** Each second told: mostly readings alone, now and then with a node that changed. */
async function reports({ agent, clock }: Played, fake: FakeCluster) {
  const readings: number[] = [];
  const changes: number[] = [];
  for (let second = 0; second < STEADY; second += 1) {
    clock.now += 1_000;
    const hasChanged = fake.live(1) || second % 10 === 0;
    fake.read();
    (hasChanged ? changes : readings).push(
      await timed(() => (hasChanged ? agent.tell() : agent.tellReadings())),
    );
  }
  return { readings, changes };
}

async function restOfDay(db: Database, { agent, clock, told }: Played, fake: FakeCluster) {
  const began = performance.now();
  const rolled: number[] = [];
  let reports = 0;
  for (let second = STEADY; second < DAY_SECONDS; second += STEP_SECONDS) {
    clock.now += STEP_SECONDS * 1_000;
    const hasChanged = fake.live(STEP_SECONDS);
    fake.read();
    await (hasChanged ? agent.tell() : agent.tellReadings());
    told.length = 0;
    reports += 1;
    if (second % 3_600 < STEP_SECONDS) rolled.push(await timed(() => rollUpUsage(db, new Date(clock.now))));
  }
  return { reports, seconds: (performance.now() - began) / 1000, rolled };
}

async function sizes(db: Database): Promise<Record<string, number> & { total: number }> {
  const { rows } = await db.execute<{ name: string; bytes: string }>(sql`
    select relname as name, pg_total_relation_size(oid) as bytes from pg_class
    where relname in ('node', 'node_interval', 'demand_interval', 'usage_open', 'node_usage', 'pool_usage',
      'capacity_change', 'scaling_decision', 'cluster')`);
  const of = Object.fromEntries(rows.map(({ name, bytes }) => [name, Number(bytes)]));
  return { ...of, total: Object.values(of).reduce((sum, size) => sum + size, 0) };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

async function times(work: () => Promise<unknown>): Promise<number[]> {
  const found: number[] = [];
  for (let view = 0; view <= VIEWS; view += 1) {
    const took = await timed(work);
    if (view > 0) found.push(took);
  }
  return found;
}
