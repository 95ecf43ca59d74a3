/** A pool is edited: audited, told to the agent, and not undone by a restart. */
import { desc, sql } from "drizzle-orm";
import { beforeEach, expect, it } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { desiredState, ensureLocalCluster } from "../engine/service";
import type { TeamContext } from "../platform/context";
import { testConsole } from "../platform/testing/console";
import { makeTeam } from "../runs/testing";
import { EditPool } from "./contract";
import { editPool } from "./service";
import { type Played, playCluster } from "./testing";

const connection = testConsole({ LATHE_POOL_MAX: "4" });
const EDIT = { pool: "local-cpu", min: 1, max: 8, idleSeconds: 30, pricePerHour: 0.5 };

let ctx: TeamContext;
let played: Played;
beforeEach(async () => {
  await connection.db.execute(sql`truncate node, node_interval cascade`);
  await connection.db.execute(sql`delete from pool`);
  ctx = await makeTeam(connection.db);
  played = await playCluster(connection.db, Date.now());
  played.agent.restart();
});
const desired = () => desiredState(connection.db, played.clusterId);

it("is what the agent is told next, and stays after a restart with another configuration", async () => {
  const before = await desired();
  expect(before.pools).toMatchObject([{ min: 0, max: 4 }]);
  await editPool(ctx, EDIT);
  const after = await desired();
  expect(after.revision).toBeGreaterThan(before.revision);
  await ensureLocalCluster(connection.db);
  expect((await desired()).pools).toMatchObject([{ name: "local-cpu", min: 1, max: 8, idleSeconds: 30 }]);
  const [entry] = await connection.db.select().from(auditEntry).orderBy(desc(auditEntry.seq)).limit(1);
  expect(entry).toMatchObject({
    action: "pool.edited",
    before: { max: 4 },
    after: { max: 8, pricePerHour: 0.5 },
  });
});

it("leaves the limits to the configuration where only the price is set, and the agent in peace", async () => {
  const { revision, pools } = await desired();
  const [pool] = pools;
  if (!pool) throw new Error("the pool is there");
  await editPool(ctx, { ...EDIT, min: pool.min, max: pool.max, idleSeconds: pool.idleSeconds });
  expect((await desired()).revision).toBe(revision);
  await connection.db.execute(sql`update pool set max = 5`);
  await ensureLocalCluster(connection.db);
  expect((await desired()).pools).toMatchObject([{ max: 4 }]);
});

it("is refused where nodes would end under their work, or its limits cross", async () => {
  played.agent.join("local-cpu", 3);
  await played.agent.tell();
  await expect(editPool(ctx, { ...EDIT, min: 0, max: 2 })).rejects.toMatchObject({ code: "pool_below_work" });
  expect((await desired()).pools).toMatchObject([{ max: 4 }]);
  expect(EditPool.safeParse({ ...EDIT, min: 9 }).error?.issues).toMatchObject([{ path: ["max"] }]);
  await expect(editPool(ctx, { ...EDIT, pool: "none" })).rejects.toThrow("no pool none");
});
