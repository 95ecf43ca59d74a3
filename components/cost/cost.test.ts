import { expect, test } from "vitest";
import { budgetSays, reachedAt } from "./budget-preview";
import { forecastCourse, spentCourse } from "./course";
import { dayOfMonth } from "./words";

const DAY_MS = 86_400_000;
const noon = (day: number) => Date.UTC(2026, 10, day, 12);
const november = { from: Date.UTC(2026, 10, 1), until: Date.UTC(2026, 11, 1), isCurrent: true };
const forecast = { expected: 205, range: { low: 180, high: 230 }, perDay: 10, fromDays: 7 };
const at = (day: number, spent = 100) => ({ ...november, spent, now: noon(day), forecast });
const rules = { thresholds: [80, 100], isHard: true };

test("a budget says on which day it is reached at the rate of the last days, or where the month ends", () => {
  expect(reachedAt(120, 10, at(20))).toBe(noon(22));
  expect(budgetSays({ ...rules, amount: 120 }, at(20))).toEqual([
    "At the rate of the last 7 days, $10.00 a day, it is reached on the 22nd: nothing new starts until it is raised or the month ends.",
    "It is told at 80% ($96.00), 100% ($120.00).",
  ]);
  expect(budgetSays({ ...rules, amount: 410 }, at(20))[0]).toContain("the month ends at 50% of it");
  expect(budgetSays({ ...rules, amount: 90, isHard: false }, at(20))[0]).toContain(
    "spent already, $100.00 of $90.00: it is told",
  );
  expect(budgetSays({ ...rules, amount: 90 }, { ...at(2, 3), forecast: null })[0]).toContain(
    "not known before a whole day",
  );
  expect(budgetSays({ ...rules, amount: 0 }, at(20))[0]).toBe("Nothing may be launched.");
});

test("what was spent rises from the month's beginning to the end of the books, over days without a book", () => {
  const days = [
    { day: "2026-11-03", amount: 4 },
    { day: "2026-11-04", amount: 6 },
  ];
  const course = spentCourse({ ...november, days, bookedUntil: new Date(noon(4)) });
  expect(course.map(({ y }) => y)).toEqual([0, 0, 4, 10]);
  expect(course.at(-1)?.x).toBe(noon(4));
  expect(course[1]?.x).toBe(november.from + 2 * DAY_MS);
});

test("a forecast goes on from there, and its range is what was said at the month's end", () => {
  const course = forecastCourse({ x: noon(20), y: 100 }, at(20));
  expect(course?.line.at(-1)).toEqual({ x: november.until, y: 205 });
  expect(course?.band?.[0]).toMatchObject({ low: 100, high: 100 });
  expect(course?.band?.at(-1)).toMatchObject({ low: 180, high: 230 });
});

test.each([
  [1, "1st"],
  [2, "2nd"],
  [11, "11th"],
  [13, "13th"],
  [23, "23rd"],
  [30, "30th"],
])("day %i is the %s", (day, says) => expect(dayOfMonth(noon(day))).toBe(says));
