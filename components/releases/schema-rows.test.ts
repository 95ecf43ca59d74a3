import { expect, test } from "vitest";
import { schemasOf } from "@/server/releases/openapi-schemas";
import { schemaRows, shortJson } from "./schema-rows";

const schemas = schemasOf("garment-cls", ["3"], {
  inputs: [
    { name: "image", datatype: "FP32", shape: [1, 2, 2] },
    { name: "ids", datatype: "INT8", shape: [null, 3] },
  ],
  outputs: [{ name: "scores", datatype: "FP32", shape: [null, 10] }],
});

test("a request is read down to the datatype of each input", () => {
  const rows = schemaRows(schemas, { $ref: "#/components/schemas/InferRequest" });
  const told = rows.map(
    ({ depth, name, type, isRequired }) => `${depth} ${name}${isRequired ? "*" : ""} ${type}`,
  );
  expect(told).toContain("0 inputs* object[2]");
  expect(told).toContain('2 name* "image"');
  expect(told).toContain("2 shape* [1, 2, 2]");
  expect(told).toContain("2 data* number[4] or number[1][2][2]");
  expect(told).toContain("2 shape* [any, 3]");
  expect(told).toContain("1 timeout integer, 0 to 1000000000000");
  expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
});

test("an example shows the first values of a long list and how many there are", () => {
  expect(shortJson({ data: Array(784).fill(0) })).toBe(
    '{\n  "data": [0, 0, 0, 0, 0, 0, 0, 0, … 784 values]\n}',
  );
});
