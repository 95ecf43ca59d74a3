/** Office hours of a pool hold when they should, wherever whoever works then is. */
import { describe, expect, it } from "vitest";
import { hoursAWeek, isWithin, limitsAt, Schedule, scheduleSays } from "./schedule-contract";

const OFFICE: Schedule = {
  timeZone: "Europe/Berlin",
  days: ["Mon", "Tue", "Wed", "Thu", "Fri"],
  ...{ from: "08:00", to: "18:00", min: 2, max: 8 },
};
const NIGHT: Schedule = { ...OFFICE, timeZone: "UTC", days: ["Fri"], from: "22:00", to: "06:00" };

describe("office hours", () => {
  it.each([
    // Monday: Berlin is an hour ahead of UTC in winter, two in summer.
    [OFFICE, "2026-01-05T06:59:00Z", false],
    [OFFICE, "2026-01-05T07:00:00Z", true],
    [OFFICE, "2026-01-05T16:59:00Z", true],
    [OFFICE, "2026-01-05T17:00:00Z", false],
    [OFFICE, "2026-07-06T06:00:00Z", true],
    [OFFICE, "2026-01-04T12:00:00Z", false],
    // Over midnight they belong to the day on which they begin.
    [NIGHT, "2026-01-09T21:59:00Z", false],
    [NIGHT, "2026-01-09T22:00:00Z", true],
    [NIGHT, "2026-01-10T05:59:00Z", true],
    [NIGHT, "2026-01-10T06:00:00Z", false],
    [NIGHT, "2026-01-10T22:00:00Z", false],
    // In another time zone it is Monday already.
    [{ ...OFFICE, timeZone: "Asia/Tokyo" }, "2026-01-04T23:30:00Z", true],
  ])("%o at %s: %s", (schedule, at, within) => {
    expect(isWithin(schedule, new Date(at))).toBe(within);
  });

  it("take the place of the usual limits while they last", () => {
    const usual = { min: 0, max: 3 };
    expect(limitsAt(OFFICE, usual, new Date("2026-01-05T12:00:00Z"))).toEqual({ min: 2, max: 8 });
    expect(limitsAt(OFFICE, usual, new Date("2026-01-04T12:00:00Z"))).toEqual(usual);
    expect(limitsAt(null, usual, new Date())).toEqual(usual);
  });

  it("are told in words, and in hours of a week", () => {
    expect(scheduleSays(OFFICE)).toBe("Mon to Fri, 08:00 to 18:00 in Berlin");
    expect(scheduleSays({ ...OFFICE, days: ["Wed", "Mon"], timeZone: "America/New_York" })).toBe(
      "Mon, Wed, 08:00 to 18:00 in New York",
    );
    expect([hoursAWeek(OFFICE), hoursAWeek(NIGHT)]).toEqual([50, 8]);
  });

  it.each([
    [{ timeZone: "Berlin" }, "timeZone"],
    [{ days: [] }, "days"],
    [{ from: "8:00" }, "from"],
    [{ to: "08:00" }, "to"],
    [{ min: 9 }, "max"],
  ])("are refused with %o, at %s", (wrong, field) => {
    expect(Schedule.safeParse({ ...OFFICE, ...wrong }).error?.issues[0]?.path[0]).toBe(field);
  });
});
