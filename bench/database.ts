/** The product's own database, for arranging what would take days to launch. */
import type { Product } from "../e2e/fixtures/product";
import { preparePostgresHome } from "../server/platform/supervise/postgres-home";

export async function databaseOf({ home }: Product): Promise<string> {
  const { sockets } = await preparePostgresHome(home, "/dev/null");
  return `postgresql://lathe@/lathe?host=${encodeURIComponent(sockets)}`;
}
