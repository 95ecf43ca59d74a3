/**
 * How Lathe writes numbers: SI units after a space, `%` without one, a real minus, sensible digits.
 * Every function takes `null` for a value nobody measured and says so; none ever writes a zero for it.
 */
export const NOT_MEASURED = "not measured";
export const MINUS = "−";

type Maybe = number | null | undefined;

const isNumber = (value: Maybe): value is number => typeof value === "number" && Number.isFinite(value);

/** What writes numbers, by their decimals: making one takes a thousand times as long as using it. */
const writers = new Map<number, Intl.NumberFormat>();

function writer(digits: number): Intl.NumberFormat {
  const known = writers.get(digits);
  if (known) return known;
  const made = new Intl.NumberFormat("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  writers.set(digits, made);
  return made;
}

/** `value` with exactly `digits` decimals, thousands separated, a real minus and never a negative zero. */
export function decimal(value: Maybe, digits = 0): string {
  if (!isNumber(value)) return NOT_MEASURED;
  const text = writer(digits).format(Math.abs(value));
  return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
}

/** Like `decimal`, with `+` before a positive value: for differences. */
export function signed(value: Maybe, digits = 0): string {
  const text = decimal(value, digits);
  return isNumber(value) && value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** Decimals that leave three significant digits: 1.24, 12.4, 124, 0.124. */
function threeDigits(value: number): number {
  const magnitude = Math.abs(value);
  if (magnitude === 0) return 0;
  // Rounding may carry into the next decade (9.996 is written 10.0), so the decade is that of the rounded value.
  const exponent = Math.floor(Math.log10(Number(magnitude.toPrecision(3))));
  return Math.min(Math.max(2 - exponent, 0), 6);
}

/** `value` with three significant digits: `1.24`, `24.7`, `690`. */
export function significant(value: Maybe): string {
  return isNumber(value) ? decimal(value, threeDigits(value)) : NOT_MEASURED;
}

function scaled(value: number, units: readonly string[]): string {
  let index = 0;
  let rest = Math.abs(value);
  while (index < units.length - 1 && Number(rest.toPrecision(3)) >= 1000) {
    rest /= 1000;
    index += 1;
  }
  const digits = index === 0 && Number.isInteger(rest) ? 0 : threeDigits(rest);
  const unit = units[index];
  return decimal(value < 0 ? -rest : rest, digits) + (unit ? ` ${unit}` : "");
}

/** Bytes in SI units: `752 kB`, `1.24 MB`. */
export function bytes(value: Maybe): string {
  return isNumber(value) ? scaled(value, ["B", "kB", "MB", "GB", "TB", "PB"]) : NOT_MEASURED;
}

/** Bytes per second: `12.4 MB/s`. */
export function bytesPerSecond(value: Maybe): string {
  return isNumber(value) ? `${bytes(value)}/s` : NOT_MEASURED;
}

/** A whole count: `10,000`. */
export function count(value: Maybe): string {
  return isNumber(value) ? decimal(Math.round(value), 0) : NOT_MEASURED;
}

/** A phrase as a heading begins: `heads and neurons` is `Heads and neurons`. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** `1 worker`, `10,000 workers`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A count too long for its place: `24.7 M`, `175 k`. */
export function compact(value: Maybe): string {
  return isNumber(value) ? scaled(value, ["", "k", "M", "G", "T"]) : NOT_MEASURED;
}

/** A count on an axis, as short as it can be: `0`, `500`, `1 k`, `2.5 k`. */
export function axisNumber(value: Maybe): string {
  return isNumber(value)
    ? compact(value)
        .replace(/(\.\d*?)0+(?=\s|$)/, "$1")
        .replace(/\.(?=\s|$)/, "")
    : NOT_MEASURED;
}

/** A fraction (0 to 1) as percent: `0.915` is `91.5%`. */
export function percent(fraction: Maybe, digits = 1): string {
  return isNumber(fraction) ? `${decimal(fraction * 100, digits)}%` : NOT_MEASURED;
}

/** A relative change given as fraction: `-0.68` is `−68%`, `0.05` is `+5%`. */
export function change(fraction: Maybe, digits = 0): string {
  return isNumber(fraction) ? `${signed(fraction * 100, digits)}%` : NOT_MEASURED;
}

/** A difference of two accuracies, given in percentage points: `−3.3 pt`. */
export function points(value: Maybe, digits = 2): string {
  return isNumber(value) ? `${signed(value, digits)} pt` : NOT_MEASURED;
}

/** Half the width of an interval, glued to its number: `±0.4`. */
export function plusMinus(half: Maybe, digits = 1): string {
  return isNumber(half) ? `±${decimal(Math.abs(half), digits)}` : NOT_MEASURED;
}

/** A latency in milliseconds: `0.14 ms`, `9.8 ms`, `690 ms`, `1.24 s`, `120 µs`. */
export function ms(value: Maybe): string {
  if (!isNumber(value)) return NOT_MEASURED;
  const magnitude = Math.abs(value);
  if (magnitude >= 1000) return `${significant(value / 1000)} s`;
  if (magnitude >= 100) return `${decimal(value, 0)} ms`;
  if (magnitude >= 1) return `${decimal(value, 1)} ms`;
  if (magnitude === 0 || magnitude >= 0.01) return `${decimal(value, 2)} ms`;
  return `${significant(value * 1000)} µs`;
}

/** Money with cents: `$1.10`, `−$0.81`. */
export function money(value: Maybe, currency = "$"): string {
  if (!isNumber(value)) return NOT_MEASURED;
  return (value < 0 ? MINUS : "") + currency + decimal(Math.abs(value), 2);
}

/** A length of time in seconds, at most two units: `0.4 s`, `6 s`, `2 min 06 s`, `27 min`, `1 h 05 min`, `26 d`. */
export function duration(seconds: Maybe): string {
  if (!isNumber(seconds)) return NOT_MEASURED;
  const length = Math.abs(seconds);
  if (length < 9.95) return `${decimal(length, Number.isInteger(length) ? 0 : 1)} s`;
  const whole = Math.round(length);
  if (whole < 60) return `${whole} s`;
  const pad = (value: number) => String(value).padStart(2, "0");
  if (whole < 600)
    return whole % 60 === 0 ? `${whole / 60} min` : `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  const minutes = Math.round(length / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60)
    return minutes % 60 === 0
      ? `${minutes / 60} h`
      : `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
  return `${count(minutes / 1440)} d`;
}

/** How old something is, in one unit rounded down: `4 s`, `20 min`, `3 h`, `12 d`. */
export function age(milliseconds: Maybe): string {
  if (!isNumber(milliseconds)) return NOT_MEASURED;
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${count(Math.floor(seconds / 86_400))} d`;
}

const CLOCK_SLACK_MS = 2_000;

/** A moment relative to `now` (both Unix ms): `4 s ago`, `in 6 min`. */
export function relativeTime(at: number, now: number): string {
  // What happened a moment ago may lie a moment ahead of a clock that is set once in a while.
  if (at - now > CLOCK_SLACK_MS) return `in ${age(at - now)}`;
  return `${age(Math.max(0, now - at))} ago`;
}

export type Zone = "utc" | "local";

const clockOf = (zone: Zone) =>
  new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
    ...(zone === "utc" ? { timeZone: "UTC" } : {}),
  });
const CLOCKS: Record<Zone, Intl.DateTimeFormat> = { utc: clockOf("utc"), local: clockOf("local") };

const parts = (at: number, zone: Zone): Record<string, string> =>
  Object.fromEntries(CLOCKS[zone].formatToParts(at).map((part) => [part.type, part.value]));

/** A moment (Unix ms) in full: `23 Nov 2026, 14:32:08 UTC`. */
export function datetime(at: Maybe, zone: Zone = "utc"): string {
  if (!isNumber(at)) return NOT_MEASURED;
  const { day, month, year, hour, minute, second, timeZoneName } = parts(at, zone);
  return `${day} ${month} ${year}, ${hour}:${minute}:${second} ${timeZoneName}`;
}

/** The time of day of a moment (Unix ms): `14:32:08`. */
export function clockTime(at: Maybe, zone: Zone = "utc"): string {
  if (!isNumber(at)) return NOT_MEASURED;
  const { hour, minute, second } = parts(at, zone);
  return `${hour}:${minute}:${second}`;
}

/** The seven characters by which people know a digest; an algorithm before it is left out. */
export function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1, digest.indexOf(":") + 8);
}
