import { describe, expect, it } from "vitest";
import { rolesProblem } from "@/server/datasets/contract";
import { guessRole, guessRoles, splitOf } from "./guess-roles";

describe("roles of dropped files", () => {
  it.each([
    ["train-images-idx3-ubyte.gz", "x"],
    ["train-labels-idx1-ubyte.gz", "y"],
    ["t10k-images-idx3-ubyte", "x_test"],
    ["t10k-labels-idx1-ubyte", "y_test"],
    ["parcels.npz", "data"],
    ["iris.csv", "data"],
    ["train.tsv", "data"],
    ["test.csv", "data_test"],
    ["iris_test.parquet", "data_test"],
    ["pictures.zip", "data"],
    ["test-pictures.zip", "data"],
    ["x_test.idx", "x_test"],
    ["y_test.idx", "y_test"],
    ["y.idx", "y"],
    ["parcel-targets.idx", "y"],
    ["latest-images.idx", "x"],
  ])("%s is %s", (name, role) => expect(guessRole(name)).toBe(role));

  it("takes a file alone for the whole dataset", () => {
    expect(guessRoles(["test.csv"])).toEqual(["data"]);
    expect(guessRoles(["train.csv", "test.csv"])).toEqual(["data", "data_test"]);
  });

  it("accepts exactly the sets a worker can open", () => {
    expect(rolesProblem(["data"], "seeded")).toBeNull();
    expect(rolesProblem(["x", "y"], "seeded")).toBeNull();
    expect(rolesProblem(["x", "y"], "files")).toContain("seed");
    expect(rolesProblem(["y_test", "x", "x_test", "y"], "files")).toBeNull();
    expect(rolesProblem(["x", "x"], "seeded")).toContain("own");
    expect(rolesProblem(["x"], "seeded")).toBeNull();
    expect(rolesProblem(["x_test", "x"], "files")).toBeNull();
    expect(rolesProblem(["y"], "seeded")).toContain("NPZ");
    expect(splitOf(["x", "y", "x_test", "y_test"])).toBe("files");
    expect(splitOf(["data"])).toBe("seeded");
    expect(rolesProblem(["data_test", "data"], "files")).toBeNull();
    expect(splitOf(["data", "data_test"])).toBe("files");
  });
});
