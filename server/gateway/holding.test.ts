import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import { expect, test } from "vitest";
import { Holding } from "./holding";
import type { ServedVersion } from "./table";

const SERVED: ServedVersion = {
  teamId: "team_1",
  modelId: "mdl_1",
  model: "garment",
  environment: "production" as const,
  version: { id: "ver_1", number: 1, digest: "a".repeat(64) },
  releaseId: "rel_1",
};

function held(limits = { most: 3, ms: 60_000 }) {
  const said: string[] = [];
  let isAsleep = true;
  let wakes = 0;
  const waker = { wake: async () => `wak_${++wakes}`, woken: () => {}, isAsleep: () => isAsleep };
  const holding = new Holding(waker, limits);
  const ask = (name: string) => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const goOn = () => void said.push(`${name} goes on`);
    const refuse = (why: string, retryAfter: number) => void said.push(`${name}: ${why} ${retryAfter} s`);
    holding.hold(SERVED, { response, goOn, refuse });
    return response;
  };
  const awake = () => {
    isAsleep = false;
    holding.tableChanged();
  };
  return { said, holding, ask, awake, wakes: () => wakes };
}

test("what is held goes on in the order in which it came, after one wake; who left is not among it", () => {
  const { said, holding, ask, awake, wakes } = held();
  ask("first");
  const second = ask("second");
  ask("third");
  holding.tableChanged();
  expect(said).toEqual([]);
  second.emit("close");
  ask("fourth");
  awake();
  expect(said).toEqual(["first goes on", "third goes on", "fourth goes on"]);
  expect(wakes()).toBe(1);
});

test("a request whose version woke while its body came is not held", () => {
  const { said, ask, awake, wakes } = held();
  awake();
  ask("late");
  expect([said, wakes()]).toEqual([["late goes on"], 0]);
});

test("beyond its bound a version holds no more", () => {
  const { said, ask } = held({ most: 2, ms: 60_000 });
  for (const name of ["first", "second", "third"]) ask(name);
  expect(said).toEqual(["third: garment v1 wakes, and 2 requests wait for it already. 1 s"]);
});

test("a gateway that ends holds nobody back", () => {
  const { said, holding, ask } = held();
  ask("first");
  holding.stop();
  expect(said).toEqual(["first: The gateway ends. 1 s"]);
});
