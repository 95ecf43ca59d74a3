import fc from "fast-check";
import { expect, it } from "vitest";
import type { Problem } from "../overview/service";
import { allSilenced, isSilenced, type Member, type Open, type Step, stepsOf } from "./steps";

const NOW = new Date("2026-11-23T14:32:08Z");
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000);
const problem = (key: string, holdSeconds = 0): Problem => ({
  ...{ key, about: key, severity: "warning", place: "Runs", title: key, detail: "", path: "/", holdSeconds },
  ...{ since: null, action: "Open", modelId: null, many: { says: "are wrong", path: "/" } },
});
const member = (key: string, values: Partial<Member> = {}): Member => ({
  ...{ key, about: key, severity: "warning", title: key, detail: "", path: "/" },
  ...{ state: "firing", beganAt: ago(300), seenAt: ago(5), firedAt: ago(295) },
  ...values,
});
const open = (members: Member[], values: Partial<Open> = {}): Open => ({
  ...{ id: "alr_1", rule: "down", state: "firing", toldAt: ago(295), members },
  ...values,
});
const waits = (seconds: number) =>
  member("down:a", { state: "pending", beganAt: ago(seconds), firedAt: null });
const pending = { state: "pending", toldAt: null } as const;

it.each<[string, Open[], Problem[], string, string[]]>([
  ["is new", [], [problem("down:a", 10)], "pending", ["pending"]],
  ["has not lasted", [open([waits(5)], pending)], [problem("down:a", 10)], "pending", ["pending"]],
  ["has lasted", [open([waits(11)], pending)], [problem("down:a", 10)], "fires", ["firing"]],
  [
    "of a rule that looks at minutes is told at once",
    [open([waits(0)], pending)],
    [problem("down:a")],
    "fires",
    ["firing"],
  ],
  ["goes on", [open([member("down:a")])], [problem("down:a")], "goes on", ["firing"]],
  ["was gone before it was told", [open([waits(5)], pending)], [], "is forgotten", []],
  ["is gone for a moment", [open([member("down:a", { seenAt: ago(30) })])], [], "goes on", ["firing"]],
  ["is gone for a while", [open([member("down:a", { seenAt: ago(61) })])], [], "is over", ["gone"]],
])("a subject that %s", (_, known, problems, outcome, states) => {
  const [step] = stepsOf(known, problems, NOW);
  expect([step?.outcome, step?.members.map(({ state }) => state)]).toEqual([outcome, states]);
});

it("thirty subjects of a rule are one alert, and of one that fires who joins is told together with others", () => {
  const nodes = Array.from({ length: 30 }, (_, i) => problem(`disk:n${i}`));
  const begun = stepsOf([], nodes, NOW);
  expect(begun.map(({ rule, members }) => [rule, members.length])).toEqual([["disk", 30]]);
  const alert = open([member("disk:n0", { firedAt: ago(400) })], { rule: "disk" });
  const joined = member("disk:n1", { firedAt: ago(10) });
  const step = (toldAt: Date) =>
    stepsOf([{ ...alert, toldAt, members: [...alert.members, joined] }], nodes.slice(0, 2), NOW)[0];
  expect([step(ago(100))?.outcome, step(ago(301))?.outcome]).toEqual(["goes on", "grows"]);
  expect(step(ago(301))?.news.map(({ key }) => key)).toEqual(["disk:n1"]);
});

it("a member that ends leaves, the alert goes on with the others", () => {
  const [step] = stepsOf(
    [open([member("down:a"), member("down:b", { seenAt: ago(61) })])],
    [problem("down:a")],
    NOW,
  );
  expect([step?.outcome, step?.members.map(({ key, state }) => [key, state])]).toEqual([
    "goes on",
    [
      ["down:a", "firing"],
      ["down:b", "gone"],
    ],
  ]);
});

/** One look each five seconds, and thirteen more without it; how often it was told, and how often it was over. */
function play(seen: readonly boolean[]): { fired: number; over: number; isOpen: boolean } {
  const told = { fired: 0, over: 0 };
  const held: { alert: Open | null } = { alert: null };
  for (const [i, isThere] of [...seen, ...Array<boolean>(13).fill(false)].entries()) {
    const now = new Date(NOW.getTime() + i * 5_000);
    const [step]: Step<Problem>[] = stepsOf(
      held.alert ? [held.alert] : [],
      isThere ? [problem("slow:a")] : [],
      now,
    );
    if (!step) continue;
    const { outcome } = step;
    if (outcome === "fires") told.fired += 1;
    if (outcome === "is over") told.over += 1;
    const isFiring = outcome === "fires" || held.alert?.state === "firing";
    held.alert =
      outcome === "is over" || outcome === "is forgotten"
        ? null
        : {
            ...{ id: "alr_1", rule: "slow", state: isFiring ? "firing" : "pending" },
            toldAt: outcome === "fires" ? now : (held.alert?.toldAt ?? null),
            members: step.members,
          };
  }
  return { ...told, isOpen: held.alert !== null };
}

it("every alert that is told is over once, and what comes back before a minute is over is the same alert", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (seen) => {
      const { fired, over, isOpen } = play(seen);
      expect(isOpen).toBe(false);
      expect(over).toBe(fired);
    }),
  );
  const gap = (looks: number) => [true, true, ...Array<boolean>(looks).fill(false), true, true];
  expect(play(gap(11)).fired).toBe(1);
  expect(play(gap(13)).fired).toBe(2);
});

it("a silence is of a rule or of one subject, and ends; an alert is silent once all of it is", () => {
  const until = ago(-60);
  expect(isSilenced("slow:a", [{ matches: "slow", until }], NOW)).toBe(true);
  expect(isSilenced("slow:a", [{ matches: "slow:a", until }], NOW)).toBe(true);
  expect(isSilenced("slow:a", [{ matches: "slow:b", until }], NOW)).toBe(false);
  expect(isSilenced("slow:a", [{ matches: "slow", until: ago(1) }], NOW)).toBe(false);
  expect(allSilenced(["slow:a", "slow:b"], [{ matches: "slow:a", until }], NOW)).toBe(false);
});
