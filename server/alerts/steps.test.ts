import fc from "fast-check";
import { expect, it } from "vitest";
import { isSilenced, type Open, stepsOf } from "./steps";

const NOW = new Date("2026-11-23T14:32:08Z");
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000);
const open = (key: string, values: Partial<Open> = {}): Open => ({
  ...{ id: `alr_${key}`, key, state: "firing", beganAt: ago(300), seenAt: ago(5) },
  ...values,
});
const NONE = { begin: [], see: [], fire: [], resolve: [], forget: [] };

type Told = Partial<Record<keyof typeof NONE, string[]>>;
it.each<[string, Open[], string[], Told]>([
  ["is new", [], ["down:a"], { begin: ["down:a"] }],
  [
    "has not lasted",
    [open("down:a", { state: "pending", beganAt: ago(5) })],
    ["down:a"],
    { see: ["alr_down:a"] },
  ],
  [
    "has lasted",
    [open("down:a", { state: "pending", beganAt: ago(11) })],
    ["down:a"],
    { fire: ["alr_down:a"] },
  ],
  ["goes on", [open("down:a")], ["down:a"], { see: ["alr_down:a"] }],
  ["was gone before it was told", [open("down:a", { state: "pending" })], [], { forget: ["alr_down:a"] }],
  ["is gone for a moment", [open("down:a", { seenAt: ago(30) })], [], {}],
  ["is gone for a while", [open("down:a", { seenAt: ago(61) })], [], { resolve: ["alr_down:a"] }],
  [
    "of a rule that looks at minutes is told at once",
    [open("slow:a", { state: "pending", beganAt: NOW })],
    ["slow:a"],
    { fire: ["alr_slow:a"] },
  ],
])("a problem that %s", (_, known, keys, expected) => {
  const { begin, see, fire, resolve, forget } = stepsOf(
    known,
    keys.map((key) => ({ key })),
    NOW,
  );
  const ids = (of: { id: string }[]) => of.map(({ id }) => id);
  const told = { begin: begin.map(({ key }) => key), see: ids(see), fire: ids(fire), resolve, forget };
  expect(told).toEqual({ ...NONE, ...expected });
});

/** One look each five seconds, and thirteen more without it; how often it was told, and how often it was over. */
function play(seen: readonly boolean[]): { fired: number; resolved: number; isOpen: boolean } {
  const told = { fired: 0, resolved: 0 };
  const held = new Map<string, Open>();
  for (const [i, isThere] of [...seen, ...Array<boolean>(13).fill(false)].entries()) {
    const now = new Date(NOW.getTime() + i * 5_000);
    const steps = stepsOf([...held.values()], isThere ? [{ key: "slow:a" }] : [], now);
    for (const { key } of steps.begin)
      held.set(key, open(key, { state: "pending", beganAt: now, seenAt: now }));
    for (const alert of held.values()) {
      if (steps.fire.some(({ id }) => id === alert.id)) {
        told.fired += 1;
        Object.assign(alert, { state: "firing", seenAt: now });
      } else if (steps.see.some(({ id }) => id === alert.id)) Object.assign(alert, { seenAt: now });
    }
    told.resolved += steps.resolve.length;
    if (steps.resolve.length + steps.forget.length > 0) held.clear();
  }
  return { ...told, isOpen: held.size > 0 };
}

it("every alert that is told is over once, and what comes back before a minute is over is the same alert", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (seen) => {
      const { fired, resolved, isOpen } = play(seen);
      expect(isOpen).toBe(false);
      expect(resolved).toBe(fired);
    }),
  );
  const gap = (looks: number) => [true, true, ...Array<boolean>(looks).fill(false), true, true];
  expect(play(gap(11)).fired).toBe(1);
  expect(play(gap(13)).fired).toBe(2);
});

it("a silence is of a rule or of one alert, and ends", () => {
  const until = ago(-60);
  expect(isSilenced("slow:a", [{ matches: "slow", until }], NOW)).toBe(true);
  expect(isSilenced("slow:a", [{ matches: "slow:a", until }], NOW)).toBe(true);
  expect(isSilenced("slow:a", [{ matches: "slow:b", until }], NOW)).toBe(false);
  expect(isSilenced("slow:a", [{ matches: "slow", until: ago(1) }], NOW)).toBe(false);
});
