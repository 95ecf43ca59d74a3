/**
 * A gateway that has no database, as a process of its own: `node --import tsx bench/gateway-alone.ts REPLICA`. Prints its
 * address, and for each line it is sent the processor time that it took so far, in seconds.
 */
import { createInterface } from "node:readline";
import { startOffline } from "../server/gateway/offline";
import { newId } from "../server/platform/ids";

const [address] = process.argv.slice(2);
if (!address) throw new Error("gateway-alone: say the replica's address, as in http://127.0.0.1:8000.");
const gateway = await startOffline({ digest: "a".repeat(64), replicas: [{ id: newId("rpl"), address }] });
console.log(gateway.url);
const lines = createInterface({ input: process.stdin });
lines.on("line", () => {
  const { user, system } = process.cpuUsage();
  console.log((user + system) / 1e6);
});
lines.on("close", () => void gateway.close().then(() => process.exit()));
