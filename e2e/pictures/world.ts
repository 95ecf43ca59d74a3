/** The product with a cluster that is played: what scenes change about it, through its API, its agent and its database. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { eq, sql } from "drizzle-orm";
import { databaseOf } from "../../bench/database";
import { connect } from "../../db/client";
import { membership, team, user } from "../../db/schema/identity";
import { FakeAgent } from "../../server/engine/fake-agent";
import type { Database } from "../../server/platform/db";
import { newId } from "../../server/platform/ids";
import { makeTeam, type TestTeam } from "../../server/releases/testing";
import "../../server/wiring";
import { type Api, makeFirstTeamByApi } from "../fixtures/api";
import type { Product } from "../fixtures/product";
import { ENGINEER } from "../pages/entry";

const ALL_ROLES = ["engineer", "approver", "operator", "admin"] as const;
const SPEAKS_MS = 1_000;

export interface World {
  product: Product;
  api: Api;
  db: Database;
  /** A team that has nothing yet. */
  empty: string;
  /** One that has a model, data, and people. */
  team: string;
  members: TestTeam;
  agent: Player;
  close(): Promise<void>;
}

export async function makeWorld(product: Product): Promise<World> {
  process.env.DATABASE_URL = await databaseOf(product);
  process.env.LATHE_HOME = product.home;
  const { pool, db } = connect(process.env.DATABASE_URL, 4);
  const { api } = await makeFirstTeamByApi(product.url, product.link, ENGINEER, "Start");
  const members = await makeTeam(db, { slug: "vision", versions: 4 });
  const [engineer] = await db.select().from(user).where(eq(user.email, ENGINEER.email));
  if (!engineer) throw new Error(`${ENGINEER.email} has an account`);
  const emptyId = newId("team");
  await db.insert(team).values({ id: emptyId, slug: "empty", name: "Empty" });
  await db.insert(membership).values(
    [emptyId, members.ines.teamId].map((teamId) => ({
      teamId,
      userId: engineer.id,
      roles: [...ALL_ROLES],
    })),
  );
  const agent = new Player(product);
  const close = async () => {
    await agent.stop();
    await pool.end();
  };
  return { product, api, db, empty: "empty", team: "vision", members, agent, close };
}

/** Rows as days of work would have left them, past what triggers allow by hand. */
export async function arrange(db: Database, ...statements: ReturnType<typeof sql>[]): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.execute(sql`set local session_replication_role = replica`);
    for (const statement of statements) await tx.execute(statement);
  });
}

/** Runs of a team that are of no use to a scene any more end without a word. */
export const endRuns = (db: Database, teamId: string): Promise<void> =>
  arrange(
    db,
    sql`update attempt set state = 'succeeded', ended_at = now() where team_id = ${teamId} and ended_at is null`,
    sql`update run set state = 'succeeded', ended_at = now() where team_id = ${teamId} and ended_at is null`,
    sql`update cluster set desired_revision = desired_revision + 1`,
  );

/** The agent: follows the console and tells of its cluster once a second, until it is told to be still. */
export class Player {
  private agent: FakeAgent | null = null;
  private isStill = false;
  private isOver = false;
  private done: Promise<void> = Promise.resolve();
  /** What changes from one second to the next. */
  onSecond: () => void = () => {};

  constructor(private readonly product: Product) {}

  get cluster(): FakeAgent {
    if (!this.agent) throw new Error("the agent has not spoken yet");
    return this.agent;
  }

  async begin(): Promise<void> {
    const token = readFileSync(join(this.product.home, "secrets/agent-enrol.token"), "utf8").trim();
    this.agent = await FakeAgent.enrol((request) => this.send(request), token);
    this.done = this.speak(this.agent);
  }

  /** Says nothing until the next `still(false)`: the agent is away. */
  still(isStill: boolean): void {
    this.isStill = isStill;
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.done;
  }

  private async send(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const body = request.method === "POST" ? await request.text() : null;
    const { method, headers } = request;
    return fetch(`${this.product.url}${pathname}${search}`, { method, headers, body });
  }

  private async speak(agent: FakeAgent): Promise<void> {
    while (!this.isOver) {
      const began = performance.now();
      if (!this.isStill) {
        this.onSecond();
        await agent
          .pull()
          .then(() => agent.tell())
          .catch((error: unknown) => console.error("the agent was not heard:", error));
      }
      await new Promise((resolve) =>
        setTimeout(resolve, Math.max(0, SPEAKS_MS - (performance.now() - began))),
      );
    }
  }
}
