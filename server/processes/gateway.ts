/** The gateway as a process of its own: wiring, and a clean end. */
import { hostname } from "node:os";
import { join } from "node:path";
import { MAX_BODY_BYTES } from "../gateway/contract";
import { startGateway } from "../gateway/gateway";
import { HOLD } from "../gateway/holding";
import { config, secret } from "../platform/config";
import { log } from "../platform/log";
import { mayScrape } from "../platform/telemetry/scrapers";
import { deriveToken } from "../platform/tokens";

const settings = config();
const { databaseUrl, home, gatewayPort } = settings;
const gateway = await startGateway({
  databaseUrl,
  folder: join(home, "gateway"),
  host: "127.0.0.1",
  port: gatewayPort,
  gatewayId: `${hostname()}:${gatewayPort}`,
  serverKey: secret("server.key"),
  replicaToken: (id) => deriveToken("replica", id),
  maxBodyBytes: MAX_BODY_BYTES,
  answerMs: settings.gatewayTimeoutSeconds * 1000,
  hold: { ...HOLD, ms: settings.gatewayHoldSeconds * 1000 },
  bodiesBytes: settings.gatewayBodiesBytes,
  mayScrape,
});
log().info({ url: gateway.url }, "the gateway listens");

let isEnding = false;
const end = () => {
  if (isEnding) return;
  isEnding = true;
  void gateway.close().then(() => process.exit(0));
};
process.on("SIGTERM", end);
process.on("SIGINT", end);
