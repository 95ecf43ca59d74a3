declare global {
  var lathe: Map<string, unknown> | undefined;
}
globalThis.lathe = globalThis.lathe ?? new Map();
const store = globalThis.lathe;

/** One instance a process. Next bundles a module once for each route, so a module's own variable is not enough. */
export function singleton<T>(name: string, make: () => T): T {
  if (!store.has(name)) store.set(name, make());
  return store.get(name) as T;
}
