import { describe, expect, it } from "vitest";
import { remember, type Sample, secondsLeft, speedOf } from "./upload-speed";

const steady = (count: number): Sample[] => {
  let samples: Sample[] = [];
  for (let i = 0; i < count; i++) samples = remember(samples, { at: i * 1000, bytes: i * 2_000_000 });
  return samples;
};

describe("upload speed", () => {
  it("is unknown until time has passed, never zero or infinite", () => {
    expect(speedOf([])).toBeNull();
    expect(speedOf([{ at: 0, bytes: 0 }])).toBeNull();
    expect(
      secondsLeft(
        [
          { at: 0, bytes: 10 },
          { at: 0, bytes: 20 },
        ],
        100,
      ),
    ).toBeNull();
  });

  it("tells the speed of the last seconds, not of the whole upload", () => {
    let samples = steady(20);
    const start = samples.at(-1) ?? { at: 0, bytes: 0 };
    for (let i = 1; i <= 10; i++)
      samples = remember(samples, { at: start.at + i * 1000, bytes: start.bytes + i * 500_000 });
    expect(speedOf(samples)).toBeCloseTo(500_000, -3);
    expect(samples.length).toBeLessThan(10);
  });

  it("gives the time left from that speed, and none while nothing moves", () => {
    const samples = steady(4);
    expect(secondsLeft(samples, 16_000_000)).toBeCloseTo(5);
    const stalled = [0, 1, 2, 3, 4, 5, 6].map((i) => ({ at: i * 1000, bytes: 5 }));
    expect(secondsLeft(stalled, 100)).toBeNull();
  });
});
