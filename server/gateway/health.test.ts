import { expect, test, vi } from "vitest";
import { Health } from "./health";
import type { Upstream } from "./table";

const upstream = (id: string): Upstream => ({
  id,
  hostname: "127.0.0.1",
  port: 1,
  authorization: "",
  outstanding: 0,
});
const fail = (health: Health, one: Upstream, peers: Upstream[], times = 3) => {
  for (let i = 0; i < times; i += 1) health.failed(one, peers);
};

function clocked() {
  let now = 0;
  const ready = new Set<string>();
  const asked: string[] = [];
  const health = new Health(
    async ({ id }) => {
      asked.push(id);
      return ready.has(id);
    },
    () => now,
  );
  return { health, ready, asked, at: (ms: number) => (now = ms) };
}

test("three failures in a row put a replica out; an answer between does not let them add up", () => {
  const { health } = clocked();
  const [a, b] = [upstream("a"), upstream("b")];
  fail(health, a, [a, b], 2);
  health.answered(a);
  fail(health, a, [a, b], 2);
  expect(health.takingPart([a, b])).toEqual([a, b]);
  health.failed(a, [a, b]);
  expect(health.takingPart([a, b])).toEqual([b]);
});

test.each([
  [1, 0],
  [2, 1],
  [3, 1],
  [4, 2],
])("of %i replicas that all fail at most half are out: %i", (count, out) => {
  const { health } = clocked();
  const all = Array.from({ length: count }, (_, i) => upstream(String(i)));
  for (const one of all) fail(health, one, all, 10);
  expect(health.takingPart(all)).toHaveLength(count - out);
});

test("it comes back when it says that it is ready, not before its time, which grows with each time out", async () => {
  const { health, ready, asked, at } = clocked();
  const [a, b] = [upstream("a"), upstream("b")];
  fail(health, a, [a, b]);
  at(999);
  health.takingPart([a, b]);
  expect(asked).toEqual([]);
  at(1000);
  expect(health.takingPart([a, b])).toEqual([b]);
  health.takingPart([a, b]);
  await vi.waitFor(() => expect(asked).toEqual(["a"]));
  at(2999);
  health.takingPart([a, b]);
  expect(asked).toEqual(["a"]);
  ready.add("a");
  at(3000);
  health.takingPart([a, b]);
  await vi.waitFor(() => expect(health.takingPart([a, b])).toEqual([a, b]));
  fail(health, a, [a, b]);
  at(6999);
  expect(health.takingPart([a, b])).toEqual([b]);
  at(7000);
  health.takingPart([a, b]);
  await vi.waitFor(() => expect(health.takingPart([a, b])).toEqual([a, b]));
});
