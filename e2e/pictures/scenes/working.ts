/** A small cluster at work: nodes in every state, runs on them and in the queue, a month that is paid for. */
import { eq } from "drizzle-orm";
import { node } from "../../../db/schema/cluster";
import { attempt } from "../../../db/schema/runs";
import { readingsOf } from "../../../server/engine/fake-cluster";
import { approve } from "../../../server/releases/service";
import { requested, seen } from "../../../server/releases/testing";
import { createRun, type NewRun } from "../../../server/runs/service";
import { TRAINING } from "../../../server/runs/testing";
import { until } from "../../fixtures/api";
import { makeLedger, makePools, makeSpending, makeTraffic, makeUsage, makeWeek } from "../past";
import { type Chapter, dialog, failing, heading, loading, row, type Scene } from "../scene";
import { endRuns, type World } from "../world";

const GIB = 2 ** 30;
export const MODEL = "garment-cls";
const POOLS = [
  { name: "cpu-base", resources: { CPU: 16 }, max: 4, price: 0.71 },
  { name: "cpu-spot", resources: { CPU: 16 }, max: 8, price: 0.27 },
  { name: "gpu-l4", resources: { CPU: 8, GPU: 1 }, max: 2, price: 0.81 },
] as const;

const NODES = [
  { pool: "cpu-base", state: "active", cpusUsed: 14 },
  { pool: "cpu-base", state: "active", cpusUsed: 16 },
  { pool: "cpu-base", state: "idle", cpusUsed: 0 },
  { pool: "cpu-spot", state: "active", cpusUsed: 0.5, cordoned: true },
  { pool: "cpu-spot", state: "draining", cpusUsed: 4, cordoned: true },
  { pool: "gpu-l4", state: "active", cpusUsed: 8, gpus: 1, gpusUsed: 1, cpus: 8 },
  { pool: "gpu-l4", state: "idle", cpusUsed: 0, gpus: 1, gpusUsed: 0, cpus: 8 },
] as const;

function joinNodes({ agent }: World): string[] {
  const { cluster } = agent;
  const ids = NODES.flatMap((values) =>
    cluster.join(values.pool, 1).map((joined) => {
      const gpu = "gpus" in values ? { gpuModel: "NVIDIA L4", gpuMemoryBytes: 24 * GIB } : {};
      const rest = { cpus: 16, memoryBytes: 32 * GIB, diskBytes: 200 * GIB, address: "10.2.0.17" };
      cluster.nodes.set(joined.nodeId, { ...joined, ...rest, ...gpu, ...values });
      return joined.nodeId;
    }),
  );
  cluster.pending = [{ pool: "cpu-spot", count: 2, message: "image pulled, joining" }];
  cluster.failed = [
    { pool: "gpu-l4", count: 3, message: "The provider has no more L4 in eu-central-1b.", retryInMs: 90_000 },
  ];
  agent.onSecond = () => {
    const here = [...cluster.nodes.keys()];
    cluster.readings = readingsOf(here, {
      cpuPercent: here.map((_, i) => (i === 2 ? null : 100 + 190 * i)),
      memoryBytes: here.map((_, i) => (3 + 4 * i) * GIB),
      diskBytes: here.map((_, i) => (20 + 11 * i) * GIB),
      receivedBytesPerSecond: here.map((_, i) => 1e6 * i),
      sentBytesPerSecond: here.map((_, i) => 4e5 * i),
      heartbeatAgeMs: here.map(() => 400),
    });
  };
  return ids;
}

/** A run; with nodes it runs there, one worker on each. */
export async function makeRun({ db, members }: World, run: Partial<NewRun>, nodeIds: readonly string[] = []) {
  const made = await db.transaction((tx) => createRun(tx, members.ines, { ...TRAINING, ...run }));
  if (nodeIds.length === 0) return made;
  const workers = nodeIds.map((nodeId, rank) => ({ rank, nodeId, pid: 4000 + rank, device: "cpu" }));
  const startedAt = new Date(Date.now() - 41 * 60_000);
  await db
    .update(attempt)
    .set({ workers, startedAt, admittedAt: startedAt })
    .where(eq(attempt.runId, made.id));
  return made;
}

/** Asked for, measured, approved by another, and up. */
export async function release({ api, members, team }: World, version: number): Promise<void> {
  const id = members.versions[version - 1]?.id ?? "";
  const number = await requested(members, id, version === 1 ? null : 0.0017);
  await approve(members.mei, await seen(members, number));
  await until(`v${version} serves`, async () => {
    const { serving } = await api.releases.model.query({ team, model: MODEL, environment: "production" });
    return serving?.version === version;
  });
}

async function make(world: World): Promise<void> {
  const { agent, api, db, members, team } = world;
  await agent.begin();
  await makePools(db, POOLS);
  const ids = joinNodes(world);
  await until(
    "its nodes are seen",
    async () => (await api.cluster.overview.query({ team })).nodes.length === ids.length,
  );
  await release(world, 1);
  await release(world, 2);
  await endRuns(db, members.ines.teamId);
  const versionId = members.versions[1]?.id ?? "";
  await makeTraffic(db, { teamId: members.ines.teamId, modelId: members.modelId, versionId });
  await makeRun(world, { title: "Fine-tune garment-cls v3 on the returns of the autumn" }, ids.slice(0, 2));
  await makeRun(world, { title: "Distil shelf-detect" }, ids.slice(5, 6));
  await makeRun(world, {
    title: "Sweep of learning rates, trial 7 of 24",
    resources: { workers: 4, cpus: 16, gpus: 0 },
  });
  await makeRun(world, { title: "Train on 8 L4", resources: { workers: 8, cpus: 1, gpus: 1 } });
  await makeRun(world, { title: "Whole embedding", resources: { workers: 1, cpus: 128, gpus: 0 } });
  await requested(members, members.versions[2]?.id ?? "", -0.0021);
  await makeLedger(db, "cpu-base");
  await makeWeek(db, "cpu-base");
  await makeSpending(world, 11, "cpu-base");
  const [first] = await db
    .select()
    .from(node)
    .where(eq(node.nodeId, ids[0] ?? ""));
  if (first?.serial != null) await makeUsage(db, first.serial);
  await api.cost.editBudget.mutate({
    team,
    amount: 1_000,
    thresholds: [50, 80, 100],
    isHard: false,
    basedOn: 0,
  });
}

const sheetOf =
  (index: number) =>
  async ({ api, team }: World) => {
    const { nodes } = await api.cluster.overview.query({ team });
    return `cluster?node=${nodes[index]?.id}`;
  };
const firstDecision = async ({ api, team }: World) => {
  const { decisions } = await api.cluster.ledger.query({ team, limit: 10 });
  return `cluster?decision=${decisions.find(({ failures }) => failures > 0)?.id ?? decisions[0]?.id}`;
};
const REASON = "its disk fails";

const cluster: readonly Scene[] = [
  {
    name: "cluster/cards",
    at: "cluster",
    shows: (page) => page.getByText("asked to drain").or(page.getByText("draining")).first(),
  },
  {
    name: "cluster/table",
    at: "cluster?nodes=table",
    shows: (page) => page.getByRole("table", { name: "Nodes" }),
  },
  {
    name: "cluster/table-nothing-found",
    at: "cluster?nodes=table",
    act: (page) => page.getByPlaceholder("Nodes by name").fill("h100"),
    shows: (page) => page.getByText("No node has “h100”"),
  },
  {
    name: "cluster/capacity-24h",
    at: "cluster?t=24h",
    shows: (page) => page.getByText("Capacity and demand").first(),
  },
  loading({ name: "cluster/panels-loading", at: "cluster" }, "cluster.capacity", "cluster.ledger"),
  failing({ name: "cluster/capacity-failing", at: "cluster" }, "cluster.capacity"),
  failing({ name: "cluster/ledger-failing", at: "cluster" }, "cluster.ledger"),
  { name: "cluster/node", at: sheetOf(0), shows: dialog("Its life"), isOver: true },
  { name: "cluster/node-gpu", at: sheetOf(5), shows: dialog(/^GPUs/), isOver: true },
  { name: "cluster/node-draining", at: sheetOf(4), shows: dialog("Its life"), isOver: true },
  loading(
    {
      name: "cluster/node-loading",
      at: sheetOf(0),
      shows: (page) => page.getByRole("dialog").locator(".sk").first(),
      isOver: true,
    },
    "cluster.node",
  ),
  failing({ name: "cluster/node-failing", at: sheetOf(0), isOver: true }, "cluster.node"),
  failing({ name: "cluster/node-usage-failing", at: sheetOf(0), isOver: true }, "cluster.usage"),
  {
    name: "cluster/node-unknown",
    at: "cluster?node=node_0000000000000000",
    shows: dialog(/no node|not found|There is/i),
    isOver: true,
  },
  {
    name: "cluster/drain",
    at: sheetOf(0),
    act: async (page) => {
      await page.getByRole("button", { name: "Drain…" }).click();
      await page.getByLabel("Why").fill(REASON);
    },
    shows: (page) =>
      page
        .getByRole("alertdialog")
        .getByText(/run on it|runs on it|leaves at once/)
        .first(),
    isOver: true,
  },
  {
    name: "cluster/drain-refused",
    at: sheetOf(0),
    answers: {
      refuse: { "cluster.takeOut": { message: "This node has left already.", remedy: "Choose another." } },
    },
    act: async (page) => {
      await page.getByRole("button", { name: "Drain…" }).click();
      await page.getByLabel("Why").fill(REASON);
      await page.getByRole("button", { name: "Drain it" }).click();
    },
    shows: (page) => page.getByText("This node has left already."),
    isOver: true,
  },
  failing(
    {
      name: "cluster/cordon-preview-failing",
      at: sheetOf(0),
      act: (page) => page.getByRole("button", { name: "Cordon…" }).click(),
      shows: (page) => page.getByRole("alertdialog").getByText(/went wrong/),
      isOver: true,
    },
    "cluster.takeOutPreview",
  ),
  { name: "cluster/decision", at: firstDecision, shows: dialog("What ran on them"), isOver: true },
  failing({ name: "cluster/decision-failing", at: firstDecision, isOver: true }, "cluster.decision"),
  {
    name: "cluster/decision-unknown",
    at: "cluster?decision=999999",
    shows: dialog(/decision/i),
    isOver: true,
  },
  { name: "cluster/pool", at: "cluster?pool=cpu-base", shows: dialog("Nodes, at most"), isOver: true },
  {
    name: "cluster/pool-edited",
    at: "cluster?pool=cpu-base:9",
    shows: dialog(/^Last week it would have/),
    isOver: true,
  },
  {
    name: "cluster/pool-wrong",
    at: "cluster?pool=cpu-base",
    act: async (page) => {
      await page.getByLabel("Nodes, at least").fill("7");
      await page.getByLabel("Idle timeout").fill("soon");
    },
    shows: dialog("Mend what is marked first."),
    isOver: true,
  },
  {
    name: "cluster/pool-refused",
    at: "cluster?pool=cpu-base:9",
    answers: {
      refuse: {
        "cluster.editPool": { message: "3 nodes of it have work; at most 2 would end it.", field: "max" },
      },
    },
    act: (page) => page.getByRole("button", { name: "Set the pool" }).click(),
    shows: dialog(/3 nodes of it have work/),
    isOver: true,
  },
  failing(
    {
      name: "cluster/pool-replay-failing",
      at: "cluster?pool=cpu-base:9",
      shows: dialog(/^Last week is not known/),
      isOver: true,
    },
    "cluster.replay",
  ),
];

const replay: readonly Scene[] = [
  { name: "replay/as-is", at: "cluster/replay", shows: row(/^Node hours/) },
  {
    name: "replay/edited",
    at: "cluster/replay",
    act: (page) => page.getByLabel("Nodes, at least").first().fill("3"),
    shows: row(/^Node hours .*\+/),
  },
  loading({ name: "replay/loading", at: "cluster/replay" }, "cluster.replay", "cluster.overview"),
  failing({ name: "replay/failing", at: "cluster/replay" }, "cluster.replay"),
  {
    name: "replay/wrong",
    at: "cluster/replay",
    act: (page) => page.getByLabel("Nodes, at most").first().fill("many"),
    shows: (page) => page.getByText("a number is needed").first(),
  },
];

const WROTE = "Disk of the training nodes";
const rules: readonly Scene[] = [
  { name: "rules/starter", at: "settings/alerts?rule=disk", shows: dialog(/as shipped/), isOver: true },
  {
    name: "rules/starter-wrong",
    at: "settings/alerts?rule=disk",
    act: async (page) => {
      await page.getByLabel("At least").fill("190");
      await page.getByRole("button", { name: "Save" }).click();
    },
    shows: dialog(/enter 10 to 100/),
    isOver: true,
  },
  {
    name: "rules/preview",
    at: "settings/alerts?rule=new",
    act: async (page) => {
      await page.getByLabel("Name").fill(WROTE);
      await page.getByLabel("Than").fill("2000");
      await page.getByLabel("For", { exact: true }).fill("5");
    },
    shows: dialog(/It would (not )?have fired/),
    isOver: true,
  },
  {
    name: "rules/wrong",
    at: "settings/alerts?rule=new",
    act: async (page) => {
      await page.getByLabel("Than").fill("90");
      await page.getByLabel("For", { exact: true }).fill("5");
      await page.getByLabel("Clears at").fill("95");
      await page.getByRole("button", { name: "Watch from now on" }).click();
    },
    shows: dialog(/it clears at or below/),
    isOver: true,
  },
  failing(
    {
      name: "rules/preview-failing",
      at: "settings/alerts?rule=new",
      act: async (page) => {
        await page.getByLabel("Than").fill("90");
        await page.getByLabel("For", { exact: true }).fill("5");
      },
      isOver: true,
    },
    "alerts.preview",
  ),
  {
    name: "rules/silence",
    at: "settings/alerts",
    act: (page) => page.getByRole("button", { name: "Silence…" }).first().click(),
    shows: dialog(/^Its alerts stay in the list/),
    isOver: true,
  },
];

const serving: readonly Scene[] = [
  { name: "overview/working", at: "overview", shows: row(/garment-cls.*v2/) },
  {
    name: "wall/working",
    at: "/wall?team=vision",
    shows: (page) => page.getByText(MODEL).first(),
    isOver: true,
  },
  { name: "releases/serving", at: `releases/${MODEL}`, shows: heading(`${MODEL} in production`) },
  {
    name: "releases/staging-empty",
    at: `releases/${MODEL}?environment=staging`,
    shows: (page) => page.getByText("Nothing was released to staging yet"),
  },
];

export const working: Chapter = {
  title: "A small cluster at work",
  team: ({ team }) => team,
  make,
  scenes: [...serving, ...cluster, ...replay, ...rules],
};
