/** The gateway as a process of its own: wiring, and a clean end. */
import { hostname } from "node:os";
import { join } from "node:path";
import { MAX_BODY_BYTES } from "../gateway/contract";
import { startGateway } from "../gateway/gateway";
import { config, secret } from "../platform/config";
import { log } from "../platform/log";
import { deriveToken } from "../platform/tokens";

const { databaseUrl, home, gatewayPort, gatewayTimeoutSeconds } = config();
const gateway = await startGateway({
  databaseUrl,
  folder: join(home, "gateway"),
  host: "127.0.0.1",
  port: gatewayPort,
  gatewayId: `${hostname()}:${gatewayPort}`,
  serverKey: secret("server.key"),
  replicaToken: (id) => deriveToken("replica", id),
  maxBodyBytes: MAX_BODY_BYTES,
  answerMs: gatewayTimeoutSeconds * 1000,
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
