import { rmSync } from "node:fs";
import { startProduct } from "./fixtures/product";

/** Starts the product once for all specs; its address reaches them through the environment. */
export default async function globalSetup(): Promise<(() => Promise<void>) | undefined> {
  rmSync("e2e/output", { recursive: true, force: true });
  // A product that is running already may be given, as JSON with home, url, gatewayUrl and link.
  if (process.env.LATHE_E2E) return undefined;
  const product = await startProduct();
  process.env.LATHE_E2E = JSON.stringify({ ...product, stop: undefined });
  return product.stop;
}
