/** As much as there may be: 1,000 nodes with 8 GPUs, 200 runs that wait, many pools, many alerts, long names. */
import { sql } from "drizzle-orm";
import { inDatabase } from "../../../bench/database";
import { multiplyRun } from "../../../bench/runs";
import { FakeCluster } from "../../../server/engine/fake-cluster";
import { newId } from "../../../server/platform/ids";
import { until } from "../../fixtures/api";
import { makePools, makeSpending } from "../past";
import { type Chapter, dialog, row, type Scene } from "../scene";
import { arrange, type World } from "../world";
import { makeRun } from "./working";

const NODES = 1_000;
const WAITING = 200;
const LONG_POOL = "gpu-h100-80gb-sxm5-eu-central-1b-preemptible-nightly";

async function makeAlerts({ db, members }: World): Promise<void> {
  const { teamId, actor } = members.ines;
  await arrange(
    db,
    sql`insert into alert (id, team_id, rule, place, severity, title, detail, path, state, began_at, seen_at, fired_at,
        told_at, resolved_at, taken_by, note)
      select 'alr_over' || i, ${teamId}, 'slow', 'Problem in production', case when i % 3 = 0 then 'warning' else 'bad' end,
        'garment-classifier-for-the-returns-desk v' || i || ': p99 is ' || 200 + i || ' ms, usually 52 ms',
        '9,000 requests in five minutes, answered by 2 of 2 replicas; 0.4% failed.', '/releases/garment-cls', 'resolved',
        now() - i * interval '7 hours', now() - i * interval '7 hours', now() - i * interval '7 hours',
        now() - i * interval '7 hours', now() - i * interval '7 hours' + i * interval '17 seconds',
        case when i % 2 = 0 then ${actor.id} end, '' from generate_series(1, 120) i`,
    ...Array.from({ length: 14 }, (_, i) => {
      const looks = {
        ...{ series: i % 2 === 0 ? "node.cpu" : "node.gpu", metric: null, subject: null },
        condition: { kind: "threshold", side: "above", value: i, minutes: 0, clear: null },
      };
      return sql`insert into alert_rule (id, team_id, name, note, severity, looks, created_by)
        values (${newId("rule")}, ${teamId},
          ${`Nodes of the training pools are busier than ${i}%, which the batch of the night must not meet (${i})`}, '',
          ${i % 3 === 0 ? "bad" : "warning"}, ${JSON.stringify(looks)}, ${actor.id})`;
    }),
  );
}

async function make(world: World): Promise<void> {
  const { agent, api, db, product, team } = world;
  const many = Array.from({ length: 14 }, (_, i) => ({
    ...{ name: `cpu-${i}`, resources: { CPU: 64 }, max: 200, price: i % 3 === 0 ? null : 12.345 },
  }));
  await makePools(db, [
    ...["gpu-a", "gpu-b"].map((name) => ({ name, resources: { CPU: 64, GPU: 8 }, max: 500, price: 31.2 })),
    ...many,
    { name: LONG_POOL, resources: { CPU: 192, GPU: 8 }, max: 64, price: 98.32 },
  ]);
  Object.assign(agent.cluster, { pending: [], failed: [], demands: [], groups: [] });
  for (const { nodeId } of [...agent.cluster.nodes.values()]) agent.cluster.leave(nodeId, "idle");
  const fake = new FakeCluster(agent.cluster, { nodes: NODES, gpus: 8, seed: 7, churn: 20 });
  let second = 0;
  [...agent.cluster.nodes.values()].forEach((node, i) => {
    const state = i % 11 === 0 ? "idle" : "active";
    const used = state === "idle" ? { cpusUsed: 0, gpusUsed: 0 } : {};
    agent.cluster.nodes.set(node.nodeId, {
      ...node,
      ...used,
      state,
      ...(i % 97 === 0 && state === "active" && { cordoned: true, state: "draining" }),
    });
  });
  agent.cluster.pending = [
    { pool: "gpu-a", count: 12, message: "Starting" },
    { pool: LONG_POOL, count: 3, message: "Starting" },
  ];
  fake.seconds = 43_200;
  agent.onSecond = () => {
    second += 1;
    if (second % 3 === 1) fake.read();
  };
  const { id } = await makeRun(world, {
    title: "Pre-train the embedding of the whole catalogue, with pictures of every article since 2019",
    resources: { workers: 1, cpus: 256, gpus: 0 },
  });
  await inDatabase(product, (client) => multiplyRun(client, id, WAITING, { state: "queued" }));
  await makeSpending(world, 18_400, LONG_POOL);
  await makeAlerts(world);
  const { budget } = await api.cost.page.query({ team, month: null });
  await api.cost.editBudget.mutate({
    ...{
      team,
      amount: 987_654.32,
      thresholds: [25, 50, 75, 90, 100],
      isHard: false,
      basedOn: budget.revision,
    },
  });
  await until(
    "a thousand nodes are seen",
    async () => (await api.cluster.overview.query({ team })).counts.up >= NODES,
  );
  await until("the rules fire", async () => (await api.alerts.list.query({ team })).firing.length > 12);
}

const scenes: readonly Scene[] = [
  { name: "cluster/full", at: "cluster", shows: (page) => page.locator("[data-node]").nth(NODES - 100) },
  {
    name: "cluster/full-told",
    at: "cluster",
    act: (page) => page.locator("[data-node]").nth(20).hover(),
    shows: (page) => page.getByText("Enter opens it"),
  },
  { name: "cluster/full-table", at: "cluster?nodes=table", shows: row(/gpu-a/) },
  {
    name: "cluster/full-node",
    at: async ({ api, team }) =>
      `cluster?node=${(await api.cluster.overview.query({ team })).nodes.find(({ isHead }) => !isHead)?.id}`,
    shows: dialog(/NVIDIA H100/),
    isOver: true,
  },
  { name: "overview/full", at: "overview", shows: (page) => page.getByText(/^\d+ problems/).first() },
  {
    name: "wall/full",
    at: "/wall?team=vision",
    shows: (page) => page.getByText(/and \d+ more/).first(),
    isOver: true,
  },
  { name: "alerts/full", at: "alerts", shows: row(/Nodes of the training pools|nodes/) },
  {
    name: "alerts/incident-full",
    at: async ({ api, team }) => {
      const { firing } = await api.alerts.list.query({ team });
      return `alerts?alert=${firing.find(({ rule }) => rule.startsWith("rule_"))?.id}`;
    },
    shows: dialog(/and [\d,]+ more/),
    isOver: true,
  },
  { name: "rules/full", at: "settings/alerts", shows: row(/busier than 13%/) },
  { name: "cost/full", at: "cluster/cost", shows: row(/nightly/) },
  { name: "replay/full", at: "cluster/replay", shows: row(/^Node hours/) },
];

export const full: Chapter = {
  title: "A thousand nodes, and all that goes wrong with them",
  team: ({ team }) => team,
  make,
  scenes,
};
