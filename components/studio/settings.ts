/** The dials in the address, and questions about settings. */
import {
  Allocation,
  changesSomething,
  MAX_RECOVERY,
  Settings,
  type StudioBaseline,
} from "@/server/studio/contract";

export const NOTHING_CHANGED: Settings = Settings.parse({});
export const MAX_SPARSITY = 0.95;
export const SPARSITY_STEP = 0.01;

export const isUnchanged = (s: Settings): boolean => !changesSomething(s);

export const sameSettings = (a: Settings, b: Settings): boolean =>
  a.channels === b.channels &&
  a.sparsity === b.sparsity &&
  a.precision === b.precision &&
  a.allocation === b.allocation &&
  a.recovery === b.recovery &&
  sameRatios(a.layers, b.layers);

const sameRatios = (a: Settings["layers"], b: Settings["layers"]): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((name) => a[name] === b[name]);

const fraction = (text: string | null, max: number): number => {
  const value = Number(text ?? 0);
  return Number.isFinite(value) ? Math.min(max, Math.max(0, value)) : 0;
};

/** Whether two settings differ by nothing but where this dial stands: they then lie on one curve. */
export const isOnCurveOf = (a: Settings, b: Settings, dial: "channels" | "sparsity"): boolean =>
  sameSettings({ ...a, [dial]: 0 }, { ...b, [dial]: 0 });

const isAllocation = (text: string | null): text is Settings["allocation"] =>
  Allocation.options.some((known) => known === text);

/** The dials of `?c=&s=&p=&a=&r=` and of an `l=name~ratio` for each locked layer; what makes no sense is left out. */
export function readSettings(query: string): Settings {
  const params = new URLSearchParams(query);
  const allocation = params.get("a");
  const locks = params.getAll("l").map((lock) => {
    const at = lock.lastIndexOf("~");
    return [lock.slice(0, at), fraction(lock.slice(at + 1), MAX_SPARSITY)] as const;
  });
  return {
    ...NOTHING_CHANGED,
    ...(isAllocation(allocation) && { allocation }),
    ...(locks.length > 0 && { layers: Object.fromEntries(locks.filter(([name]) => name !== "")) }),
    channels: fraction(params.get("c"), 0.9),
    sparsity: fraction(params.get("s"), MAX_SPARSITY),
    recovery: fraction(params.get("r"), MAX_RECOVERY),
    precision: params.get("p") === "int8" ? "int8" : "fp32",
  };
}

/** The query with these dials; one that is not turned is left out. */
export function writeSettings(query: string, settings: Settings): string {
  const { channels, sparsity, precision, allocation, layers, recovery } = settings;
  const params = new URLSearchParams(query);
  const put = (name: string, value: string | null) =>
    value === null ? params.delete(name) : params.set(name, value);
  put("c", channels > 0 ? String(Number(channels.toFixed(6))) : null);
  put("s", sparsity > 0 ? String(Number(sparsity.toFixed(4))) : null);
  put("p", precision === "fp32" ? null : precision);
  put("a", allocation === "magnitude" ? null : allocation);
  put("r", recovery > 0 ? String(Number(recovery.toFixed(4))) : null);
  params.delete("l");
  for (const [name, ratio] of Object.entries(layers))
    params.append("l", `${name}~${Number(ratio.toFixed(4))}`);
  return params.toString();
}

/** The settings as this version allows them: channels land on a stop, dials that it does not have stay at their start. */
export function allowed(settings: Settings, baseline: StudioBaseline): Settings {
  const off = (dial: "channels" | "sparsity" | "precision") =>
    baseline.unavailable.some((item) => item.dial === dial);
  const stops = baseline.channelStops;
  const nearest = stops.reduce(
    (best, stop) => (Math.abs(stop - settings.channels) < Math.abs(best - settings.channels) ? stop : best),
    stops[0] ?? 0,
  );
  return {
    ...settings,
    channels: off("channels") || stops.length === 0 ? 0 : nearest,
    sparsity: off("sparsity") ? 0 : settings.sparsity,
    precision: off("precision") ? "fp32" : settings.precision,
    recovery: off("sparsity") ? 0 : settings.recovery,
    ...(off("sparsity") && { allocation: NOTHING_CHANGED.allocation, layers: NOTHING_CHANGED.layers }),
  };
}
