import { afterEach, expect, test } from "vitest";
import { newId } from "../platform/ids";
import { INFER, infer, startOffline } from "./offline";
import { startReplica } from "./testing";

const DIGEST = "a".repeat(64);
const open: { close(): Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((part) => part.close())));

/** The first replica asked is a stranger that took over an address: only a body in memory can be sent to the next. */
async function gatewayWith(bodiesBytes: number) {
  const [stranger, ours] = [await startReplica(DIGEST), await startReplica(DIGEST)];
  const replicas = [{ id: newId("rpl"), address: stranger.address }, ours];
  const gateway = await startOffline({ digest: DIGEST, replicas }, { bodiesBytes });
  open.push(gateway, stranger, ours);
  return gateway;
}

test("bodies are in memory up to a bound and give it back; beyond it they stream through", async () => {
  const enough = await gatewayWith(INFER.length);
  for (let i = 0; i < 3; i += 1) expect((await infer(enough.url)).status).toBe(200);
  const tooLittle = await gatewayWith(INFER.length - 1);
  expect((await infer(tooLittle.url)).status).toBe(503);
});
