import fc from "fast-check";
import { expect, test } from "vitest";
import { frozenAt, frozenInWords } from "./freeze";
import { Freeze } from "./policy-contract";

const at = (text: string) => new Date(text);
const freeze = (values: object): Freeze =>
  Freeze.parse({ timeZone: "Europe/Berlin", weekly: [], dated: [], ...values });
const WEEKEND = freeze({
  weekly: [
    { days: ["fri"], from: "16:00", to: "24:00" },
    { days: ["sat", "sun"], from: "00:00", to: "24:00" },
  ],
});

test.each([
  ["a Friday before it begins", WEEKEND, "2026-12-04T14:59:59Z", null],
  ["windows in a row open at the end of the last", WEEKEND, "2026-12-04T15:00:00Z", "2026-12-06T23:00:00Z"],
  ["Monday's first second", WEEKEND, "2026-12-06T23:00:00Z", null],
  [
    "a night that goes over midnight",
    freeze({ weekly: [{ days: ["mon"], from: "22:00", to: "06:00" }] }),
    "2026-12-08T03:00:00Z",
    "2026-12-08T05:00:00Z",
  ],
  [
    "a night with an hour less, as clocks go forward",
    freeze({ weekly: [{ days: ["sat"], from: "22:00", to: "06:00" }] }),
    "2026-03-28T21:30:00Z",
    "2026-03-29T04:00:00Z",
  ],
  [
    "a night with an hour more, as clocks go back",
    freeze({ weekly: [{ days: ["sat"], from: "22:00", to: "06:00" }] }),
    "2026-10-24T21:00:00Z",
    "2026-10-25T05:00:00Z",
  ],
  [
    "a date, into a weekly window",
    freeze({
      weekly: [{ days: ["mon"], from: "00:00", to: "08:00" }],
      dated: [{ from: "2026-12-20T00:00", to: "2027-01-04T00:00", why: "year's end" }],
    }),
    "2026-12-24T12:00:00Z",
    "2027-01-04T07:00:00Z",
  ],
])("%s", (_name, windows, now, opens) => {
  const frozen = frozenAt(windows, at(now));
  expect(frozen?.opensAt?.toISOString() ?? null).toBe(opens && at(opens).toISOString());
});

test("says why and until when, on the clocks of its zone", () => {
  const year = freeze({ dated: [{ from: "2026-12-20T00:00", to: "2027-01-04T08:00", why: "year's end" }] });
  const frozen = frozenAt(year, at("2026-12-24T12:00:00Z"));
  expect(frozen && frozenInWords(year, frozen)).toBe(
    "Approvals are frozen (year's end) until Mon, 4 Jan 2027, 08:00, Europe/Berlin.",
  );
});

test("what opens is open, and is not before", () => {
  const hour = fc.integer({ min: 0, max: 23 }).map((h) => `${String(h).padStart(2, "0")}:30`);
  fc.assert(
    fc.property(hour, hour, fc.integer({ min: 0, max: 4 * 365 * 24 }), (from, to, hours) => {
      fc.pre(from !== to);
      const windows = freeze({ weekly: [{ days: ["tue", "wed", "sat"], from, to }] });
      const frozen = frozenAt(windows, new Date(Date.UTC(2025, 0, 1) + hours * 3_600_000));
      if (!frozen?.opensAt) return;
      expect(frozenAt(windows, frozen.opensAt)).toBeNull();
      expect(frozenAt(windows, new Date(frozen.opensAt.getTime() - 1000))).not.toBeNull();
    }),
  );
});

test("a freeze that never opens, a zone and a day that do not exist are refused", () => {
  const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
  const wrong = (values: object) =>
    Freeze.safeParse({ timeZone: "UTC", weekly: [], dated: [], ...values }).error?.issues[0]?.message;
  expect(wrong({ weekly: [{ days, from: "06:00", to: "05:59" }] })).toBeUndefined();
  expect(wrong({ weekly: [{ days, from: "00:00", to: "24:00" }] })).toMatch(/no time of the week is left/);
  expect(wrong({ timeZone: "Europe/Nowhere" })).toMatch(/IANA/);
  expect(wrong({ dated: [{ from: "2026-02-30T00:00", to: "2026-03-01T00:00", why: "x" }] })).toMatch(
    /no such day/,
  );
});
