import { expect, it } from "vitest";
import type { Overview, Problem } from "./types";
import { headline } from "./words";

const problem = (standing: Problem["standing"], severity: Problem["severity"]): Problem => ({
  ...{ key: "waits:1", about: "run 1", severity, place: "", title: "", detail: "", since: null, path: "" },
  ...{ action: "", modelId: null, many: { says: "", path: "" }, holdSeconds: 0, standing },
});

it("the head counts every problem that needs somebody as one, and apart from them what nobody has to look at", () => {
  const says = (problems: Overview["problems"]) => headline({ problems, waiting: [] });
  expect(says([])).toBe("all is well");
  expect(says([problem("open", "bad"), problem("open", "warning"), problem("new", "bad")])).toBe(
    "2 problems, 1 just began",
  );
  expect(says([problem("handled", "bad")])).toBe("1 taken up or silenced");
});
