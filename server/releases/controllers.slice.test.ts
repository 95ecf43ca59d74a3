/** Two controllers at once: one that leads, one that was outlived and does not know it, or one that stands by. */
import { eq, sql } from "drizzle-orm";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { auditEntry } from "../../db/schema/audit";
import { release, routeTable } from "../../db/schema/releases";
import { fence, type Lease, takeLease } from "../platform/lease";
import { testConsole } from "../platform/testing/console";
import { registerFinishers } from "../runs/service";
import { reconcileReleases } from "./reconcile";
import { approve, finishMeasurement } from "./service";
import { makeTeam, replicasReady, requested, seen, type TestTeam } from "./testing";

const connection = testConsole();
let t: TestTeam;
beforeAll(() => registerFinishers({ evaluate: finishMeasurement }));
beforeEach(async () => {
  t = await makeTeam(connection.db, { versions: 1 });
  const number = await requested(t, t.versions[0]?.id ?? "", null);
  await approve(t.mei, await seen(t, number));
  await replicasReady(t);
});

const mustLead = async (holder: string): Promise<Lease> => {
  const lease = await takeLease(connection.db, `controller-of-${t.ines.teamId}`, holder);
  if (!lease) throw new Error(`${holder} did not get the lease`);
  return lease;
};
const look = (lease: Lease) => reconcileReleases(connection.db, (tx) => fence(tx, lease));
async function done() {
  const { db } = connection;
  const states = await db
    .select({ state: release.state, routeRevision: release.routeRevision })
    .from(release)
    .where(eq(release.modelId, t.modelId));
  const tables = await db
    .select({ revision: routeTable.revision })
    .from(routeTable)
    .where(sql`${routeTable.routes}::text like ${`%${t.modelId}%`}`);
  const served = await db
    .select({ seq: auditEntry.seq })
    .from(auditEntry)
    .where(sql`${auditEntry.teamId} = ${t.ines.teamId} and ${auditEntry.action} = 'release.served'`);
  return { states: states.map(({ state }) => state), tables: tables.length, served: served.length };
}

test("one that was outlived is refused with all that it would do, and the one that leads does it once", async () => {
  const old = await mustLead("one");
  await connection.db.execute(
    sql`update lease set expires_at = now() - interval '1 second' where name = ${old.name}`,
  );
  const led = await mustLead("two");
  await expect(look(old)).rejects.toThrow("not the leader any more");
  expect(await done()).toEqual({ states: ["preparing"], tables: 0, served: 0 });
  await look(led);
  expect(await done()).toEqual({ states: ["serving"], tables: 1, served: 1 });
});

test("two that both believe to lead, at the same moment, bring a release to serve once", async () => {
  const lease = await mustLead("one");
  await Promise.all([look(lease), look(lease), look(lease)]);
  expect(await done()).toEqual({ states: ["serving"], tables: 1, served: 1 });
});
