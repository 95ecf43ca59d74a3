import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { Address } from "./address";

/** A browser's address and a router that draws each address that it is told of in its own time, and writes it back then. */
class Page {
  pathname = "/replay";
  search = "";
  drawn = new URLSearchParams();
  private readonly told: string[] = [];
  readonly address = new Address(() => ({
    location: { pathname: this.pathname, search: this.search },
    history: {
      replaceState: (_data, _unused, url) => {
        this.search = url.startsWith("?") ? url : "";
        this.told.push(this.search);
      },
    },
  }));

  read = (name: string) => this.address.wished(name) ?? this.drawn.get(name) ?? "";
  set = (name: string, value: string) => this.address.set(name, value, this.drawn.get(name) ?? "");

  /** The router draws the next that it was told; false where there is none. */
  draw(): boolean {
    const next = this.told.shift();
    if (next === undefined) return false;
    this.commit(next);
    return true;
  }
  /** Draws an address and writes it back: its own late one, or where a link leads. */
  commit(search: string): void {
    this.search = search;
    this.drawn = new URLSearchParams(search);
    this.address.drew(this.drawn);
  }
}

let page: Page;
beforeEach(() => {
  page = new Page();
});

describe("what is set in the address", () => {
  test("is there at once and stays, however late the router draws and whatever it writes back meanwhile", () => {
    const step = fc.oneof(
      fc.record({ set: fc.constantFrom("x", "y") }),
      fc.constant("draws" as const),
      fc.constant("writes back what it has drawn" as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const at = new Page();
        const wanted: Record<string, string> = { x: "", y: "" };
        for (const [number, one] of steps.entries()) {
          if (one === "draws") at.draw();
          else if (typeof one === "string") at.commit(at.drawn.size > 0 ? `?${at.drawn}` : "");
          else {
            wanted[one.set] = `value ${number}`;
            at.set(one.set, `value ${number}`);
          }
          expect({ x: at.read("x"), y: at.read("y") }).toEqual(wanted);
        }
        while (at.draw());
        const params = new URLSearchParams(at.search);
        expect({ x: params.get("x") ?? "", y: params.get("y") ?? "" }).toEqual(wanted);
        expect({ x: at.read("x"), y: at.read("y") }).toEqual(wanted);
      }),
    );
  });

  test("gives way to a link, to going back, and to another page", () => {
    page.set("x", "1");
    page.commit("?x=9");
    expect([page.read("x"), page.search]).toEqual(["9", "?x=9"]);
    page.set("x", "2");
    page.address.went();
    expect(page.read("x")).toBe("9");
    page.set("x", "3");
    page.pathname = "/cluster";
    page.commit("");
    expect([page.read("x"), page.search]).toEqual(["", ""]);
  });

  test("leaves an address alone that nothing was set in, however it is spelled", () => {
    page.commit("?q=a%20b&x=");
    expect(page.search).toBe("?q=a%20b&x=");
  });
});
