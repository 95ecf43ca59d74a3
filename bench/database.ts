/** The product's own database, for arranging what would take days to launch. */
import { Client } from "pg";
import type { Product } from "../e2e/fixtures/product";
import { preparePostgresHome } from "../server/platform/supervise/postgres-home";

export async function databaseOf({ home }: Product): Promise<string> {
  const { sockets } = await preparePostgresHome(home, "/dev/null");
  return `postgresql://lathe@/lathe?host=${encodeURIComponent(sockets)}`;
}

/** Does work on a connection of its own, in one transaction. */
export async function inDatabase(product: Product, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: await databaseOf(product) });
  await client.connect();
  try {
    await client.query("begin");
    await work(client);
    await client.query("commit");
    await client.query("analyze");
  } finally {
    await client.end();
  }
}
