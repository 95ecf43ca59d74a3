import { expect, test } from "vitest";
import { Meter, WINDOW_MS } from "./meter";

const served = {
  teamId: "team_1",
  modelId: "mdl_1",
  model: "garment",
  environment: "production" as const,
  version: { id: "ver_1", number: 1, digest: "a".repeat(64) },
  releaseId: "rel_1",
};
const BEGIN = 1_700_000_000_000;
const rowsAt = (meter: Meter, seconds: number) =>
  meter
    .takeWindows(BEGIN + seconds * 1000)
    .map(({ at, requests, inFlight }) => ({ at: (at.getTime() - BEGIN) / 1000, requests, inFlight }));

test("requests under way are told as their mean over each window, also those that no window sees end", () => {
  expect(BEGIN % WINDOW_MS).toBe(0);
  const meter = new Meter();
  const first = meter.begin(served, BEGIN + 5_000);
  const second = meter.begin(served, BEGIN + 8_000);
  expect(rowsAt(meter, 9)).toEqual([{ at: 0, requests: 0, inFlight: 0.5 }]);
  second(BEGIN + 12_000);
  // Rows add up: 0.5 were told before, and (10 − 5) s + (10 − 8) s are 0.7 of this window.
  const rows = rowsAt(meter, 25);
  expect(rows.map(({ at }) => at)).toEqual([0, 10, 20]);
  expect(rows[0]?.inFlight).toBeCloseTo(0.2);
  expect(rows[1]?.inFlight).toBeCloseTo(1.2);
  expect(rows[2]?.inFlight).toBeCloseTo(0.5);
  first(BEGIN + 25_000);
  expect(rowsAt(meter, 60)).toEqual([]);
});

test("what could not be stored is told again", () => {
  const meter = new Meter();
  meter.begin(served, BEGIN)(BEGIN + 2_000);
  const rows = meter.takeWindows(BEGIN + 5_000);
  expect(rows).toMatchObject([{ inFlight: 0.2 }]);
  meter.windows.putBack(rows);
  expect(meter.takeWindows(BEGIN + 5_000)).toEqual(rows);
});
