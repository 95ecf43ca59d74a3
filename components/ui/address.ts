/**
 * Values that were set in the address and that the router has not drawn yet. It draws when it comes to it: while a page
 * still arrives that takes seconds, and until then it shows, and may write back, the address that it had. Who sets a
 * value sees it at once, and nothing that is set is lost.
 */
export interface Browser {
  readonly location: { readonly pathname: string; readonly search: string };
  readonly history: { replaceState(data: null, unused: string, url: string): void };
}

interface Wish {
  value: string;
  /** Of this page alone. */
  path: string;
  /** What the router may still draw before it comes to `value`. */
  passed: Set<string>;
}

export class Address {
  private readonly wishes = new Map<string, Wish>();
  private readonly listeners = new Set<() => void>();

  constructor(private readonly browser: () => Browser) {}

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What was set and is not drawn yet. */
  wished(name: string): string | undefined {
    const wish = this.wishes.get(name);
    return wish?.path === this.browser().location.pathname ? wish.value : undefined;
  }

  /** @param drawn what the router shows of it now */
  set(name: string, value: string, drawn: string): void {
    const { pathname: path } = this.browser().location;
    const before = this.wishes.get(name);
    const passed = before?.path === path ? before.passed.add(before.value) : new Set([drawn]);
    this.wishes.set(name, { value, path, passed });
    this.write();
    this.tell();
  }

  /** The router has drawn an address. */
  drew(params: Pick<URLSearchParams, "get">): void {
    for (const [name, { value, passed }] of this.wishes) {
      const drawn = params.get(name) ?? "";
      // What was neither set nor there before is of somebody who came later: a link.
      if (drawn === value || !passed.has(drawn)) this.wishes.delete(name);
    }
    this.write();
    this.tell();
  }

  /** Back or forward: the address is what it was then. */
  went(): void {
    this.wishes.clear();
    this.tell();
  }

  private write(): void {
    const { location, history } = this.browser();
    const params = new URLSearchParams(location.search);
    let isMissing = false;
    for (const [name, { value, path }] of this.wishes) {
      if (path !== location.pathname) this.wishes.delete(name);
      else if ((params.get(name) ?? "") !== value) {
        isMissing = true;
        if (value) params.set(name, value);
        else params.delete(name);
      }
    }
    if (isMissing) history.replaceState(null, "", params.size > 0 ? `?${params}` : location.pathname);
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
