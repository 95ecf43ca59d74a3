/** JSON Schemas of one model's requests and answers, exact for its inputs and outputs. */
import {
  BYTES_EACH,
  type Datatype,
  isWhole,
  rangeOf,
  type Signature,
  staticSize,
  type V2Tensor,
} from "./v2-contract";

/** What of JSON Schema 2020-12 these documents say. */
export interface Schema {
  $ref?: string;
  type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  description?: string;
  enum?: readonly (string | number)[];
  const?: number;
  minimum?: number;
  maximum?: number;
  items?: Schema | false;
  prefixItems?: readonly Schema[];
  minItems?: number;
  maxItems?: number;
  contains?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  anyOf?: readonly Schema[];
  allOf?: readonly Schema[];
  not?: Schema;
  contentMediaType?: string;
}

export const schemaRef = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

const TIMEOUT_MAX_US = 10 ** 12;

/** All schemas of a model by the names under which the document's operations refer to them. */
export function schemasOf(
  model: string,
  versions: readonly string[],
  { inputs, outputs }: Signature,
): Record<string, Schema> {
  const inputNames = componentNames("Input", inputs);
  const outputNames = componentNames("Output", outputs);
  const schemas: Record<string, Schema> = {
    InferRequest: requestSchema({ inputs, outputs }, inputNames.map(schemaRef), "The whole request as JSON."),
    BinaryInferRequest: requestSchema(
      { inputs, outputs },
      inputNames.flatMap((name) => [schemaRef(name), schemaRef(`Binary${name}`)]),
      "The JSON in front of binary data.",
    ),
    InferResponse: responseSchema(model, outputNames.map(schemaRef)),
    BinaryInferResponse: responseSchema(
      model,
      outputNames.flatMap((name) => [schemaRef(name), schemaRef(`Binary${name}`)]),
    ),
  };
  inputs.forEach((tensor, index) => {
    const name = inputNames[index] ?? "";
    schemas[name] = tensorSchema(tensor, "flat or nested");
    schemas[`Binary${name}`] = binarySchema(tensor);
  });
  outputs.forEach((tensor, index) => {
    const name = outputNames[index] ?? "";
    schemas[name] = tensorSchema(tensor, "flat");
    schemas[`Binary${name}`] = binarySchema(tensor);
  });
  schemas.Metadata = metadataSchema(model, versions, { inputs, outputs });
  schemas.Ready = object({ name: { type: "string", enum: [model] }, ready: { type: "boolean" } });
  schemas.Error = object({
    error: { type: "string", description: "Which tensor or word, what was expected, what was found." },
  });
  return schemas;
}

/** Names that a document allows: letters, digits, `.`, `-` and `_`, none twice. */
function componentNames(kind: string, tensors: readonly V2Tensor[]): string[] {
  const taken = new Set<string>();
  return tensors.map(({ name }, index) => {
    const plain = `${kind}_${name.replace(/[^\w.-]/g, "_")}`;
    const free = taken.has(plain) ? `${plain}.${index}` : plain;
    taken.add(free);
    return free;
  });
}

const object = (properties: Record<string, Schema>, required = Object.keys(properties)): Schema => ({
  type: "object",
  properties,
  required,
});

const oneOf = (schemas: readonly Schema[]): Schema => {
  const [only] = schemas;
  return only && schemas.length === 1 ? only : { anyOf: schemas };
};

function requestSchema(
  { inputs, outputs }: Signature,
  schemas: readonly Schema[],
  description: string,
): Schema {
  const all: Schema = {
    type: "array",
    description: "Each input once, in any order.",
    minItems: inputs.length,
    maxItems: inputs.length,
    items: oneOf(schemas),
  };
  const each = inputs.map(
    ({ name }): Schema => ({ contains: object({ name: { type: "string", enum: [name] } }) }),
  );
  const given = inputs.length > 1 ? { ...all, allOf: each } : all;
  return { ...object({ inputs: given, ...besides(outputs) }, ["inputs"]), description };
}

/** What a request may say besides its inputs. */
const besides = (outputs: readonly V2Tensor[]): Record<string, Schema> => ({
  outputs: {
    type: "array",
    description: "The outputs to answer with; all of them where it is left out.",
    maxItems: outputs.length,
    items: object(
      {
        name: { type: "string", enum: outputs.map(({ name }) => name) },
        parameters: object({ binary_data: { type: "boolean", description: "Whether as binary data." } }, []),
      },
      ["name"],
    ),
  },
  id: { type: "string", description: "Comes back with the answer." },
  parameters: object(
    {
      timeout: {
        type: "integer",
        minimum: 0,
        maximum: TIMEOUT_MAX_US,
        description: "Microseconds that the request may take; 0 leaves 60 s.",
      },
      binary_data_output: { type: "boolean", description: "All outputs as binary data." },
    },
    [],
  ),
});

const responseSchema = (model: string, outputs: readonly Schema[]): Schema =>
  object(
    {
      model_name: { type: "string", enum: [model] },
      model_version: { type: "string", description: "The version that answered." },
      outputs: { type: "array", minItems: 1, items: oneOf(outputs) },
      id: { type: "string", description: "The request's, where it had one." },
    },
    ["model_name", "model_version", "outputs"],
  );

const head = (tensor: V2Tensor): Record<string, Schema> => ({
  name: { type: "string", enum: [tensor.name] },
  datatype: { type: "string", enum: [tensor.datatype] },
  shape: {
    type: "array",
    prefixItems: tensor.shape.map(
      (n): Schema => (n === null ? { type: "integer", minimum: 1 } : { type: "integer", const: n }),
    ),
    items: false,
    minItems: tensor.shape.length,
    maxItems: tensor.shape.length,
  },
});

function tensorSchema(tensor: V2Tensor, layout: "flat" | "flat or nested"): Schema {
  const value = valueSchema(tensor.datatype);
  const size = staticSize(tensor);
  const flat: Schema = {
    type: "array",
    description: "Row by row.",
    items: value,
    ...(size === null ? { minItems: 1 } : { minItems: size, maxItems: size }),
  };
  const nested = tensor.shape.reduceRight<Schema>(
    (items, n): Schema => ({
      type: "array",
      items,
      ...(n === null ? { minItems: 1 } : { minItems: n, maxItems: n }),
    }),
    value,
  );
  const isNestable = layout === "flat or nested" && tensor.shape.length > 1;
  const data: Schema = isNestable
    ? { anyOf: [flat, { ...nested, description: "Nested as the shape says." }] }
    : flat;
  return object({ ...head(tensor), data });
}

function binarySchema(tensor: V2Tensor): Schema {
  const size = staticSize(tensor);
  const each = BYTES_EACH[tensor.datatype];
  const bytes: Schema = {
    type: "integer",
    description:
      each === null ? "A length of 4 bytes stands before each value." : "Little-endian, row by row.",
    ...(size !== null && each !== null ? { const: size * each } : { minimum: 0 }),
  };
  return {
    ...object({ ...head(tensor), parameters: object({ binary_data_size: bytes }) }),
    not: { required: ["data"] },
  };
}

function valueSchema(datatype: Datatype): Schema {
  if (datatype === "BOOL") return { type: "boolean" };
  if (datatype === "BYTES") return { type: "string" };
  const range = rangeOf(datatype);
  const isExact = range !== null && Number.isSafeInteger(range.max) && range.max < Number.MAX_SAFE_INTEGER;
  if (!isWhole(datatype)) return { type: "number" };
  return { type: "integer", ...(isExact && { minimum: range.min, maximum: range.max }) };
}

function metadataSchema(model: string, versions: readonly string[], { inputs, outputs }: Signature): Schema {
  const tensors = (of: readonly V2Tensor[]): Schema => ({
    type: "array",
    minItems: of.length,
    maxItems: of.length,
    items: object({
      name: { type: "string", enum: of.map(({ name }) => name) },
      datatype: { type: "string", enum: [...new Set(of.map(({ datatype }) => datatype))] },
      shape: { type: "array", description: "-1: any.", items: { type: "integer", minimum: -1 } },
    }),
  });
  return object({
    name: { type: "string", enum: [model] },
    versions: { type: "array", items: { type: "string" }, description: `${versions.join(" and ")} now.` },
    platform: { type: "string" },
    inputs: tensors(inputs),
    outputs: tensors(outputs),
  });
}
