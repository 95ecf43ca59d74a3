import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv/dist/2020";
import { describe, expect, test } from "vitest";
import { inspection } from "../models/testing/examples";
import type { Environment } from "./contract";
import { exampleRequest, type OpenApiDocument, openApiOf } from "./openapi";
import { type Signature, signatureOf, staticSize } from "./v2-contract";

const documentOf = (signature: Signature, environment: Environment = "production"): OpenApiDocument =>
  openApiOf({
    environment,
    model: "garment-cls",
    version: 3,
    digest: "ab".repeat(32),
    gatewayUrl: "http://127.0.0.1:7401",
    signature,
  });

/** Two inputs whose names are no words of a document, one of them of a shape that is known. */
const TWO: Signature = {
  inputs: [
    { name: "ids:0", datatype: "INT8", shape: [null, 3] },
    { name: "ids/0", datatype: "BYTES", shape: [1, 2] },
  ],
  outputs: [
    { name: "scores", datatype: "FP32", shape: [null, 10] },
    { name: "seen", datatype: "BOOL", shape: [] },
  ],
};

const PICTURE = signatureOf(inspection);
if (!PICTURE) throw new Error("the example can't be served");

/** A check of JSON against one schema of a document. */
function schemaOf(document: OpenApiDocument, name: string) {
  const ajv = new Ajv({ strict: false });
  ajv.addSchema({ $id: "document", components: document.components });
  const validate = ajv.compile({ $ref: `document#/components/schemas/${name}` });
  return (value: unknown): boolean => validate(value);
}

describe("the document", () => {
  test("of staging asks under its own name, and says so", () => {
    const { info, paths } = documentOf(PICTURE, "staging");
    expect(info.title).toBe("garment-cls in staging");
    expect(Object.keys(paths)).toContain("/v2/models/garment-cls@staging/infer");
    expect(JSON.stringify(paths)).not.toContain('"garment-cls"');
  });

  test.each([
    ["of a model with one input", PICTURE],
    ["of one with several, of any name", TWO],
  ])("%s is OpenAPI 3.1", async (_, signature) => {
    const validator = new Validator();
    const found = await validator.validate(structuredClone({ ...documentOf(signature) }));
    expect(found).toEqual({ valid: true });
    expect(validator.version).toBe("3.1");
  });

  test("every reference in it leads somewhere", () => {
    const document = documentOf(TWO);
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/([^"]+)"/g)];
    expect(refs.length).toBeGreaterThan(20);
    const { schemas, responses, headers } = document.components;
    const there = { schemas, responses, headers };
    for (const [, kind, name] of refs) {
      expect(Object.keys(there[kind as keyof typeof there]), `${kind}/${name}`).toContain(name);
    }
  });

  test("its examples are what its schemas say", () => {
    for (const signature of [PICTURE, TWO]) {
      const document = documentOf(signature);
      const contents = Object.values(document.paths)
        .flatMap(({ get, post }) => [get, post].flatMap((operation) => operation ?? []))
        .flatMap(({ requestBody, responses }) => [
          requestBody?.content,
          ...Object.values(responses).map((response) =>
            "content" in response ? response.content : undefined,
          ),
        ])
        .concat(Object.values(document.components.responses).map(({ content }) => content))
        .flatMap((content) => content?.["application/json"] ?? []);
      expect(contents.length).toBeGreaterThan(12);
      for (const { schema, example } of contents) {
        const name = schema.$ref?.split("/").at(-1) ?? "";
        expect(schemaOf(document, name)(example), name).toBe(true);
      }
    }
  });
});

describe("a request", () => {
  const isRequest = schemaOf(documentOf(TWO), "InferRequest");
  const ids = { name: "ids:0", datatype: "INT8", shape: [2, 3], data: [1, 2, 3, 4, 5, -128] };
  const words = { name: "ids/0", datatype: "BYTES", shape: [1, 2], data: [["a", "b"]] };

  test("fits in any order, flat or nested", () => {
    expect(isRequest({ inputs: [words, ids], outputs: [{ name: "seen" }] })).toBe(true);
  });
  test.each([
    ["without one of the inputs", [ids]],
    ["with one twice", [ids, ids]],
    ["with a stranger", [ids, { ...words, name: "other" }]],
    ["of another datatype", [{ ...ids, datatype: "INT32" }, words]],
    ["of another rank", [{ ...ids, shape: [2, 3, 1] }, words]],
    ["of another length along a known axis", [{ ...ids, shape: [2, 4] }, words]],
    ["with too few values of a known shape", [ids, { ...words, data: ["a"] }]],
    ["nested in another shape", [ids, { ...words, data: [["a"], ["b"]] }]],
    ["with a value out of range", [{ ...ids, data: [1, 2, 3, 4, 5, 128] }, words]],
    ["with a value of another kind", [ids, { ...words, data: ["a", 1] }]],
  ])("does not %s", (_, inputs) => {
    expect(isRequest({ inputs })).toBe(false);
  });
  test("names only outputs that there are", () => {
    expect(isRequest({ inputs: [ids, words], outputs: [{ name: "other" }] })).toBe(false);
  });
  test("says how many bytes of binary data a known shape takes", () => {
    const fixed: Signature = { ...TWO, inputs: [{ name: "x", datatype: "FP16", shape: [2, 3] }] };
    const isBinary = schemaOf(documentOf(fixed), "BinaryInferRequest");
    const of = (bytes: number) => ({
      inputs: [{ name: "x", datatype: "FP16", shape: [2, 3], parameters: { binary_data_size: bytes } }],
    });
    expect(isBinary(of(12))).toBe(true);
    expect(isBinary(of(24))).toBe(false);
  });
});

test("an example that nobody would read is left out", () => {
  const large: Signature = { ...TWO, inputs: [{ name: "x", datatype: "FP32", shape: [1, 3, 224, 224] }] };
  expect(staticSize({ name: "x", datatype: "FP32", shape: [1, 3, 224, 224] })).toBe(150_528);
  expect(exampleRequest(large)).toBeNull();
});

test("a model of datatypes that V2 does not have can't be described", () => {
  const outputs = [{ name: "y", dtype: "bfloat16", shape: [1] }];
  expect(signatureOf({ inputs: inspection.inputs, outputs })).toBeNull();
});
