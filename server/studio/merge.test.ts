import { describe, expect, it } from "vitest";
import { inspection } from "../models/testing/examples";
import { type Kin, refusalOf, sharedAncestor } from "./merge";

const kin = (number: number, parent: number | null, over: Partial<Kin> = {}): Kin => ({
  id: `v${number}`,
  number,
  state: "ready",
  tier: 1,
  parentId: parent === null ? null : `v${parent}`,
  mergedWithId: null,
  floatDigest: "ab".repeat(32),
  inspection,
  ...over,
});
/** v1 → v2 → v4 and v1 → v3, where v4 has v3 merged in; v5 was uploaded by itself. */
const family = [kin(1, null), kin(2, 1), kin(3, 1), kin(4, 2, { mergedWithId: "v3" }), kin(5, null)];
const [v1, v2, v3, v4, v5] = family as [Kin, Kin, Kin, Kin, Kin];
const shaped = (...shapes: number[][]): Kin["inspection"] => ({
  ...inspection,
  layers: shapes.map((shape, place) => ({
    name: `conv${place + 1}`,
    op: "Conv",
    shape,
    parameters: 1,
    bytes: 4,
    macs: null,
    weights: null,
  })),
});

describe("the shared ancestor", () => {
  it.each([
    ["siblings", v2, v3, 1],
    ["a child and its parent", v2, v1, 1],
    ["a merge and its second parent", v4, v3, 3],
    ["a merge and its first parent", v4, v2, 2],
    ["strangers", v2, v5, null],
  ])("of %s is the newest that both came from", (_, a, b, expected) => {
    expect(sharedAncestor(family, a, b)?.number ?? null).toBe(expected);
    expect(sharedAncestor(family, b, a)?.number ?? null).toBe(expected);
  });
});

describe("a merge is refused", () => {
  it("with the version itself, with one that is not ready, and with a stranger, each with its reason", () => {
    expect(refusalOf(family, v2, v2)).toMatchObject({ code: "merge_itself" });
    expect(refusalOf(family, v2, { ...v3, state: "inspecting" })?.message).toBe("v3 is inspecting.");
    expect(refusalOf(family, v2, v5)?.message).toBe(
      "v2 goes back to v1 and v5 to v5: they share no ancestor.",
    );
    expect(refusalOf(family, v2, v3)).toBeNull();
  });

  it("where only weights can be edited, of either, with the node that says so", () => {
    const tierReasons = ["Only its weights can be edited. LSTM node 'cells': no translation."];
    const fixed = (of: Kin): Kin => ({ ...of, tier: 3, inspection: { ...inspection, tier: 3, tierReasons } });
    const said = (number: number) => `v${number} can't be merged: tier 3. ${tierReasons[0]}`;
    expect(refusalOf(family, fixed(v2), v3)).toMatchObject({ code: "merge_tier", message: said(2) });
    expect(refusalOf(family, v2, fixed(v3))?.message).toBe(said(3));
    expect(refusalOf(family, { ...v2, tier: 2 }, { ...v3, tier: null })).toBeNull();
  });

  it("where channels were removed, naming the first layer and both shapes", () => {
    const ours = { ...v2, inspection: shaped([16, 1, 3, 3], [32, 16, 3, 3]) };
    const pruned = { ...v3, inspection: shaped([16, 1, 3, 3], [16, 16, 3, 3]) };
    expect(refusalOf(family, ours, pruned)?.message).toBe(
      "v3 has other shapes: conv2 is 32×16×3×3 in v2 and 16×16×3×3 in v3.",
    );
    expect(refusalOf(family, ours, { ...v3, inspection: shaped([16, 1, 3, 3]) })?.message).toContain(
      "v2 has 2 layers with weights, v3 has 1",
    );
  });
});
