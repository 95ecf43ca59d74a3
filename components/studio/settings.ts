/** The dials in the address, and questions about settings. */
import { Precision } from "@/server/models/contract";
import {
  Allocation,
  Calibration,
  changesSomething,
  effective,
  MAX_RECOVERY,
  Merge,
  MergeMethod,
  Settings,
  usesAncestor,
} from "@/server/studio/contract";
import type { StudioBaseline } from "@/server/studio/session-contract";

export const NOTHING_CHANGED: Settings = Settings.parse({});
export const MAX_SPARSITY = 0.95;
export const SPARSITY_STEP = 0.01;

export const isUnchanged = (s: Settings): boolean => !changesSomething(s);

/** Samples that static int8 may be calibrated on. */
export const CALIBRATED_ON = [128, 512, 2048] as const;

/** Whether two settings lead to the same bytes. */
export const sameSettings = (a: Settings, b: Settings): boolean =>
  a.channels === b.channels &&
  a.sparsity === b.sparsity &&
  a.pattern === b.pattern &&
  a.allocation === b.allocation &&
  a.recovery === b.recovery &&
  sameRatios(a.layers, b.layers) &&
  sameMerge(a.merge, b.merge) &&
  loweredAlike(effective(a), effective(b));

/** A density or scale that the method does not use makes no difference. */
export const sameMerge = (a: Merge | null, b: Merge | null): boolean =>
  a === null || b === null
    ? a === b
    : a.partner === b.partner &&
      a.method === b.method &&
      a.weight === b.weight &&
      (a.method !== "ties" || a.density === b.density) &&
      (!usesAncestor(a.method) || a.scale === b.scale);

const loweredAlike = (a: Settings, b: Settings): boolean =>
  a.precision === b.precision &&
  a.calibration === b.calibration &&
  a.calibrationSamples === b.calibrationSamples &&
  a.keepFloat.length === b.keepFloat.length &&
  a.keepFloat.every((name, i) => name === b.keepFloat[i]);

const sameRatios = (a: Settings["layers"], b: Settings["layers"]): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((name) => a[name] === b[name]);

const fraction = (text: string | null, max: number): number => {
  const value = Number(text ?? 0);
  return Number.isFinite(value) ? Math.min(max, Math.max(0, value)) : 0;
};

/** A dial that a chart can have on its axis. */
export type Dial = "channels" | "sparsity" | "merge";

/** Where a dial stands; a merge's is its weight. */
export const standsAt = (settings: Settings, dial: Dial): number =>
  dial === "merge" ? (settings.merge?.weight ?? 0) : settings[dial];

/** The settings with a dial turned to a value. */
export const turned = (settings: Settings, dial: Dial, value: number): Settings =>
  dial === "merge"
    ? { ...settings, merge: settings.merge && { ...settings.merge, weight: value } }
    : { ...settings, [dial]: value };

/** Whether two settings differ by nothing but where this dial stands: they then lie on one curve. */
export const isOnCurveOf = (a: Settings, b: Settings, dial: Dial): boolean =>
  sameSettings(turned(a, dial, 0), turned(b, dial, 0));

const samplesOf = (text: string | null): number =>
  CALIBRATED_ON.find((known) => String(known) === text) ?? NOTHING_CHANGED.calibrationSamples;

const isMethod = (text: string | undefined): text is MergeMethod =>
  MergeMethod.options.some((known) => known === text);

/** The merge of `v5~ties~0.5~0.2~1`: partner, method, weight, density, scale; null for what makes no sense. */
function readMerge(text: string | null): Merge | null {
  const [partner, method, weight, density, scale] = text?.split("~") ?? [];
  if (!partner?.startsWith("v") || !isMethod(method)) return null;
  const start = { partner: Number(partner.slice(1)), method, weight: fraction(weight ?? null, 1) };
  const over = {
    ...(density !== undefined && { density: fraction(density, 1) }),
    ...(scale !== undefined && { scale: fraction(scale, 2) }),
  };
  return Merge.safeParse({ ...start, ...over }).data ?? null;
}

function writeMerge({ partner, method, weight, density, scale }: Merge): string {
  const short = (value: number) => String(Number(value.toFixed(4)));
  const rest = usesAncestor(method) ? [short(density), short(scale)] : [];
  return [`v${partner}`, method, short(weight), ...rest].join("~");
}

/**
 * The dials of `?c=&s=&n=2:4&p=&m=&k=&a=&r=`, of an `l=name~ratio` for each locked layer, of an `f=name` for each that
 * stays fp32 and of `w=v5~soup~0.5`, with what it is merged; what makes no sense is left out.
 */
export function readSettings(query: string): Settings {
  const params = new URLSearchParams(query);
  const locks = params.getAll("l").map((lock) => {
    const at = lock.lastIndexOf("~");
    return [lock.slice(0, at), fraction(lock.slice(at + 1), MAX_SPARSITY)] as const;
  });
  return {
    ...NOTHING_CHANGED,
    allocation: Allocation.catch(NOTHING_CHANGED.allocation).parse(params.get("a")),
    pattern: params.get("n") === "2:4" ? "2:4" : "none",
    calibration: Calibration.catch(NOTHING_CHANGED.calibration).parse(params.get("m")),
    calibrationSamples: samplesOf(params.get("k")),
    keepFloat: [...new Set(params.getAll("f"))].filter((name) => name !== ""),
    ...(locks.length > 0 && { layers: Object.fromEntries(locks.filter(([name]) => name !== "")) }),
    merge: readMerge(params.get("w")),
    channels: fraction(params.get("c"), 0.9),
    sparsity: fraction(params.get("s"), MAX_SPARSITY),
    recovery: fraction(params.get("r"), MAX_RECOVERY),
    precision: Precision.catch("fp32").parse(params.get("p")),
  };
}

/** The query with these dials; one that is not turned is left out. */
export function writeSettings(query: string, settings: Settings): string {
  const { channels, sparsity, pattern, precision, allocation, layers, recovery, merge } = settings;
  const { calibration, calibrationSamples, keepFloat } = settings;
  const params = new URLSearchParams(query);
  const put = (name: string, value: string | null) =>
    value === null ? params.delete(name) : params.set(name, value);
  put("c", channels > 0 ? String(Number(channels.toFixed(6))) : null);
  put("s", sparsity > 0 ? String(Number(sparsity.toFixed(4))) : null);
  put("n", pattern === "none" ? null : pattern);
  put("m", calibration === NOTHING_CHANGED.calibration ? null : calibration);
  put("k", calibrationSamples === NOTHING_CHANGED.calibrationSamples ? null : String(calibrationSamples));
  put("p", precision === "fp32" ? null : precision);
  put("a", allocation === "magnitude" ? null : allocation);
  put("r", recovery > 0 ? String(Number(recovery.toFixed(4))) : null);
  put("w", merge && writeMerge(merge));
  params.delete("l");
  for (const [name, ratio] of Object.entries(layers))
    params.append("l", `${name}~${Number(ratio.toFixed(4))}`);
  params.delete("f");
  for (const name of keepFloat) params.append("f", name);
  return params.toString();
}

type Unavailable = StudioBaseline["unavailable"][number];

/** Why this version has no such dial or, where one is named, not this choice of it. */
export const reasonOf = (
  baseline: StudioBaseline,
  dial: Unavailable["dial"],
  option?: string,
): string | undefined =>
  baseline.unavailable.find((item) => item.dial === dial && (item.option === null || item.option === option))
    ?.reason;

/** The settings as this version allows them: channels land on a stop, dials that it does not have stay at their start. */
export function allowed(settings: Settings, baseline: StudioBaseline): Settings {
  const off = (dial: Unavailable["dial"], option?: string) => reasonOf(baseline, dial, option) !== undefined;
  const stops = baseline.channelStops;
  const nearest = stops.reduce(
    (best, stop) => (Math.abs(stop - settings.channels) < Math.abs(best - settings.channels) ? stop : best),
    stops[0] ?? 0,
  );
  return {
    ...settings,
    channels: off("channels") || stops.length === 0 ? 0 : nearest,
    sparsity: off("sparsity") ? 0 : settings.sparsity,
    pattern: off("pattern") ? "none" : settings.pattern,
    precision: off("precision", settings.precision) ? "fp32" : settings.precision,
    recovery: off("sparsity") || off("recovery") ? 0 : settings.recovery,
    merge: off("merge") ? NOTHING_CHANGED.merge : settings.merge,
    ...(off("sparsity") && {
      allocation: NOTHING_CHANGED.allocation,
      layers: NOTHING_CHANGED.layers,
    }),
  };
}
