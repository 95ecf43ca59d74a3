/** Gateways for tests that have only their files and no database: one model, one token. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId } from "../platform/ids";
import { hashToken } from "../platform/tokens";
import { type Gateway, type GatewayOptions, startGateway } from "./gateway";
import { testReplicaToken } from "./testing";

/** Nobody listens there. */
export const NO_DATABASE = "postgres://nobody@127.0.0.1:1/none";
export const TOKEN = "lathe_secret";
export const INFER = JSON.stringify({ inputs: [{ name: "x", datatype: "FP32", shape: [1], data: [1] }] });

interface Served {
  digest: string;
  replicas: readonly { id: string; address: string }[];
  ratePerSecond?: number | null;
}

/** Writes the files of a gateway that serves version 1 of `garment` from these replicas, in both environments. */
export async function writeGatewayFiles(folder: string, served: Served): Promise<void> {
  const teamId = newId("team");
  const of = { teamId, modelId: newId("mdl"), model: "garment" };
  const version = { id: newId("ver"), number: 1, digest: served.digest };
  const replicas = served.replicas.map(({ id, address }) => ({ id, address }));
  // As files of before canaries have it, and as those of today do.
  const production = { ...of, environment: "production", version, releaseId: newId("rel"), replicas };
  const arm = { version, releaseId: newId("rel"), weight: 100, replicas };
  const staging = { ...of, environment: "staging", arms: [arm] };
  const token = {
    hash: hashToken(TOKEN),
    teamId,
    expiresAt: null,
    ratePerSecond: served.ratePerSecond ?? null,
  };
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, "routes.json"),
    JSON.stringify({ revision: 1, routes: [production, staging] }),
  );
  await writeFile(join(folder, "tokens.json"), JSON.stringify([token]));
}

/** Starts a gateway that serves version 1 of `garment` from these replicas. Closing it removes its files. */
export async function startOffline(served: Served, options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const folder = await mkdtemp(join(tmpdir(), "lathe-gateway-"));
  await writeGatewayFiles(folder, served);
  const gateway = await startGateway({
    databaseUrl: NO_DATABASE,
    folder,
    host: "127.0.0.1",
    port: 0,
    gatewayId: newId("gw"),
    serverKey: "k".repeat(40),
    replicaToken: testReplicaToken,
    maxBodyBytes: 4 << 20,
    answerMs: 30_000,
    ...options,
  });
  return {
    url: gateway.url,
    async close() {
      await gateway.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Asks `garment`. */
export const infer = (url: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/v2/models/garment/infer`, {
    method: "POST",
    body: INFER,
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
  });
