import { describe, expect, it } from "vitest";
import {
  age,
  axisNumber,
  bytes,
  change,
  clockTime,
  compact,
  count,
  datetime,
  decimal,
  duration,
  money,
  ms,
  NOT_MEASURED,
  percent,
  plusMinus,
  points,
  relativeTime,
  shortDigest,
  signed,
} from "./format";

const noon = Date.UTC(2026, 10, 23, 14, 32, 8);

describe("numbers are written one way everywhere", () => {
  it.each([
    [bytes(0), "0 B"],
    [bytes(999), "999 B"],
    [bytes(999.6e3), "1.00 MB"],
    [bytes(752_436), "752 kB"],
    [bytes(1_240_000), "1.24 MB"],
    [bytes(9.3e9), "9.30 GB"],
    [bytes(-2_500), "−2.50 kB"],
    [compact(24_700_000), "24.7 M"],
    [compact(175), "175"],
    [axisNumber(0), "0"],
    [axisNumber(500), "500"],
    [axisNumber(1000), "1 k"],
    [axisNumber(2500), "2.5 k"],
    [axisNumber(0.3), "0.3"],
    [count(10_000), "10,000"],
    [percent(0.915), "91.5%"],
    [percent(0.91836, 2), "91.84%"],
    [change(-0.68), "−68%"],
    [change(0.05), "+5%"],
    [points(-3.31, 1), "−3.3 pt"],
    [points(0.171), "+0.17 pt"],
    [plusMinus(0.401), "±0.4"],
    [ms(0.14), "0.14 ms"],
    [ms(9.81), "9.8 ms"],
    [ms(690.4), "690 ms"],
    [ms(1240), "1.24 s"],
    [ms(0.0052), "5.20 µs"],
    [money(-0.81), "−$0.81"],
    [duration(0.4), "0.4 s"],
    [duration(6), "6 s"],
    [duration(126), "2 min 06 s"],
    [duration(1620), "27 min"],
    [duration(3900), "1 h 05 min"],
    [duration(26 * 86_400), "26 d"],
    [age(59_999), "59 s"],
    [age(20 * 60_000), "20 min"],
    [age(-500), "0 s"],
    [relativeTime(noon - 4000, noon), "4 s ago"],
    [relativeTime(noon + 360_000, noon), "in 6 min"],
    [datetime(noon), "23 Nov 2026, 14:32:08 UTC"],
    [clockTime(noon), "14:32:08"],
    [shortDigest("sha256:3f9c2ab77"), "3f9c2ab"],
    [shortDigest("3f9c2ab77"), "3f9c2ab"],
  ])("%s", (written, expected) => expect(written).toBe(expected));
});

it("has no negative zero, and no sign on a zero", () => {
  expect(decimal(-0.001, 1)).toBe("0.0");
  expect(signed(0.001, 1)).toBe("0.0");
  expect(signed(-0.04, 1)).toBe("0.0");
});

it("rounds a value into the next unit instead of writing 1,000 of the smaller one", () => {
  expect(bytes(999_999)).toBe("1.00 MB");
  expect(duration(59.7)).toBe("1 min");
  expect(duration(3599)).toBe("1 h");
});

it("never writes a zero for what nobody measured", () => {
  for (const format of [
    bytes,
    compact,
    count,
    percent,
    change,
    points,
    plusMinus,
    ms,
    money,
    duration,
    age,
    datetime,
  ])
    for (const missing of [null, undefined, Number.NaN]) expect(format(missing)).toBe(NOT_MEASURED);
});
