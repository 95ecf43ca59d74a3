/** What a client sees of limits, of replicas that break, hang and come back, and of a gateway that ends. */
import { afterEach, expect, test, vi } from "vitest";
import { startLoad } from "../../e2e/fixtures/load";
import { INFER, infer, startOffline, TOKEN } from "./offline";
import { type FakeReplica, startReplica } from "./testing";

const DIGEST = "a".repeat(64);
const open: { close(): Promise<void> }[] = [];
afterEach(() => Promise.all(open.splice(0).map((part) => part.close())));

async function replica(): Promise<FakeReplica> {
  const started = await startReplica(DIGEST);
  open.push(started);
  return started;
}
async function gateway(...[served, options]: Parameters<typeof startOffline>) {
  const started = await startOffline(served, options);
  open.unshift(started);
  return started;
}
const errorOf = async (answer: Response) => [answer.status, await answer.json()];

test("a token over its rate is told when to come again, and then goes on", async () => {
  const serving = await replica();
  const { url } = await gateway({ digest: DIGEST, replicas: [serving], ratePerSecond: 2 });
  const answers = await Promise.all(Array.from({ length: 6 }, () => infer(url)));
  const refused = answers.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(0);
  for (const answer of refused) {
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(await answer.json()).toEqual({ error: "This token may ask 2 times a second." });
  }
  expect(serving.asked).toBe(6 - refused.length);
  await vi.waitFor(async () => expect((await infer(url)).status).toBe(200), { timeout: 5000 });
});

test("headers of body, trace and request pass, others do not, both ways", async () => {
  const serving = await replica();
  const { url } = await gateway({ digest: DIGEST, replicas: [serving] });
  const traceparent = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;
  serving.tells = { "inference-header-content-length": "9", "x-inner": "no", "set-cookie": "no" };
  const answer = await infer(url, {
    traceparent,
    tracestate: "vendor=1",
    baggage: "tenant=7",
    "x-request-id": "job-7/3",
    "content-encoding": "identity",
    "accept-encoding": "deflate",
    "inference-header-content-length": "5",
    cookie: "session=1",
    "x-forwarded-for": "10.0.0.1",
  });
  expect(serving.headers).toMatchObject({
    traceparent: expect.stringMatching(`^00-${"ab".repeat(16)}-(?!${"cd".repeat(8)})[0-9a-f]{16}-01$`),
    tracestate: "vendor=1",
    baggage: "tenant=7",
    "x-request-id": "job-7/3",
    "content-encoding": "identity",
    "accept-encoding": "deflate",
    "inference-header-content-length": "5",
  });
  expect(serving.headers).not.toHaveProperty("cookie");
  expect(serving.headers).not.toHaveProperty("x-forwarded-for");
  expect(serving.headers.authorization).not.toContain(TOKEN);
  expect(answer.headers.get("x-request-id")).toBe("job-7/3");
  expect(answer.headers.get("inference-header-content-length")).toBe("9");
  expect(answer.headers.get("x-inner")).toBeNull();
  expect(answer.headers.get("set-cookie")).toBeNull();
});

test("a request without a sane id or trace gets its own", async () => {
  const serving = await replica();
  const { url } = await gateway({ digest: DIGEST, replicas: [serving] });
  const answer = await infer(url, {
    traceparent: `00-${"0".repeat(32)}-${"cd".repeat(8)}-01`,
    tracestate: "vendor=1",
    "x-request-id": "x".repeat(200),
  });
  expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
  expect(serving.headers["x-request-id"]).toBe(answer.headers.get("x-request-id"));
  expect(serving.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  expect(serving.headers).not.toHaveProperty("tracestate");
});

test("a replica that is killed with a request answers it 503; one that keeps breaking is left out until it is ready", async () => {
  const [broken, whole] = [await replica(), await replica()];
  const { url } = await gateway({ digest: DIGEST, replicas: [broken, whole] });
  broken.breaks = true;
  for (let i = 0; i < 3; i += 1) {
    const answer = await infer(url);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(await errorOf(answer)).toEqual([503, { error: "The replica broke off." }]);
  }
  expect(broken.asked).toBe(3);
  for (let i = 0; i < 5; i += 1) expect((await infer(url)).status).toBe(200);
  expect([broken.asked, whole.asked]).toEqual([3, 5]);
  broken.breaks = false;
  await vi.waitFor(
    async () => {
      const before = broken.asked;
      expect((await infer(url)).status).toBe(200);
      expect(broken.asked).toBeGreaterThan(before);
      expect(broken.headers).toHaveProperty("traceparent");
    },
    { timeout: 10_000, interval: 100 },
  );
});

test("when all replicas are dead every request is told so at once", async () => {
  const dead = [await replica(), await replica()];
  const { url } = await gateway({ digest: DIGEST, replicas: dead });
  await Promise.all(dead.map((one) => one.close()));
  for (let i = 0; i < 5; i += 1) {
    const answer = await infer(url);
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(await errorOf(answer)).toEqual([
      503,
      { error: "garment v1 can't answer: none of its 2 replicas answers." },
    ]);
  }
});

test("a replica that hangs answers 504 after the timeout, and its request is ended there", async () => {
  const serving = await replica();
  serving.hold = new Promise(() => {});
  const { url } = await gateway({ digest: DIGEST, replicas: [serving] }, { answerMs: 100 });
  expect(await errorOf(await infer(url))).toEqual([
    504,
    { error: "The replica did not answer within 0.1 s." },
  ]);
  await vi.waitFor(() => expect(serving.aborted).toBe(1));
});

test("what replicas tell of batches and queues is in the metrics, by version", async () => {
  const serving = await replica();
  const { url } = await gateway({ digest: DIGEST, replicas: [serving] });
  for (const size of ["1", "6", "200", null]) {
    serving.tells = { "x-lathe-queue": "4", ...(size && { "x-lathe-batch": size }) };
    await (await infer(url)).json();
  }
  let release = () => {};
  serving.hold = new Promise((resolve) => {
    release = resolve;
  });
  const waiting = infer(url);
  await vi.waitFor(() => expect(serving.asked).toBe(5));
  const metrics = async () => (await fetch(`${url}/metrics`)).text();
  const labels = /team="team_\w+",model="garment",environment="production",version="1"/.source;
  const during = await metrics();
  expect(during).toMatch(new RegExp(`batch_size_bucket{${labels},le="1"} 1\n`));
  expect(during).toMatch(new RegExp(`batch_size_bucket{${labels},le="8"} 2\n`));
  expect(during).toMatch(new RegExp(`batch_size_bucket{${labels},le="\\+Inf"} 3\n`));
  expect(during).toMatch(new RegExp(`batch_size_sum{${labels}} 207\n`));
  expect(during).toMatch(new RegExp(`queue_depth{${labels}} 4\n`));
  release();
  await (await waiting).json();
  expect(await metrics()).toMatch(new RegExp(`queue_depth{${labels}} 0\n`));
});

test("a gateway that ends under load answers what it took", async () => {
  const serving = await replica();
  const { url, close } = await gateway({ digest: DIGEST, replicas: [serving] });
  open.shift();
  const load = startLoad({
    url: `${url}/v2/models/garment/infer`,
    token: TOKEN,
    body: INFER,
    perSecond: 300,
    maxRequests: 6000,
    maxSeconds: 20,
  });
  await load.until(() => load.samples.length >= 100);
  const closed = close();
  await load.until((sample) => sample.error?.includes("ECONNREFUSED") ?? false);
  const samples = await load.stop();
  await closed;
  // A connection that was not accepted yet, or was idle, may be reset; what reached a replica is answered.
  expect(samples.filter(({ status }) => status === 200)).toHaveLength(serving.asked);
  expect(serving.aborted).toBe(0);
});
