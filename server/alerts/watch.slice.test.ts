/** A look of the controller at all teams reads what is the same for them once. */
import { drizzle } from "drizzle-orm/node-postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, schema } from "../../db/client";
import { testConsole } from "../platform/testing/console";
import { makeTeam } from "../runs/testing";
import { watchTeams } from "./service";

const connection = testConsole();
let pool: ReturnType<typeof connect>["pool"];
beforeAll(() => {
  ({ pool } = connect(process.env.DATABASE_URL ?? ""));
});
afterAll(() => pool.end());

/** What a quiet team is asked for by itself: its alerts, what it serves, its runs. */
const OF_A_TEAM = 10;

/** How often each statement went out in one look, with what it was about. */
async function statementsOfALook(): Promise<Map<string, number>> {
  const asked = new Map<string, number>();
  const logQuery = (query: string, params: unknown[]) => {
    const statement = `${query} ${JSON.stringify(params)}`;
    asked.set(statement, (asked.get(statement) ?? 0) + 1);
  };
  await watchTeams(drizzle(pool, { schema, logger: { logQuery } }));
  return asked;
}

test("what is the same for all teams is read as often for many as for one, and each team adds a few statements", async () => {
  const first = await makeTeam(connection.db);
  await statementsOfALook(); // The first makes the cluster's row.
  const ofOne = await statementsOfALook();
  const more = [await makeTeam(connection.db), await makeTeam(connection.db), await makeTeam(connection.db)];
  const ofFour = await statementsOfALook();
  const teams = [first, ...more].map(({ teamId }) => teamId);
  const shared = (asked: typeof ofOne) =>
    new Map([...asked].filter(([statement]) => !teams.some((teamId) => statement.includes(teamId))));
  expect(shared(ofOne).size).toBeGreaterThan(5);
  expect(shared(ofFour)).toEqual(shared(ofOne));
  const total = (asked: typeof ofOne) => [...asked.values()].reduce((sum, times) => sum + times, 0);
  expect(total(ofFour) - total(ofOne)).toBeLessThanOrEqual(more.length * OF_A_TEAM);
});
