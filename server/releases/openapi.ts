/** The OpenAPI 3.1 document of a model as it serves. */
import { type Environment, laneName, MAX_BODY_BYTES } from "../gateway/contract";
import { ANSWER_HEADERS, type Header, REQUEST_ID, type Response, refusals } from "./openapi-answers";
import { type Schema, schemaRef, schemasOf } from "./openapi-schemas";
import {
  type GivenTensor,
  type Signature,
  sizeOf,
  smallestShape,
  type V2Tensor,
  zerosOf,
} from "./v2-contract";

/** Beyond this an example is longer than what it explains. */
const EXAMPLE_VALUES = 4_096;

export interface Parameter {
  name: string;
  in: "path" | "header";
  required: boolean;
  description: string;
  schema: Schema;
}
export interface MediaType {
  schema: Schema;
  example?: unknown;
}
export interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  parameters: readonly Parameter[];
  requestBody?: { required: true; content: Readonly<Record<string, MediaType>> };
  responses: Readonly<Record<string, Response | { $ref: string }>>;
}
export interface OpenApiDocument {
  openapi: "3.1.0";
  info: { title: string; version: string; description: string };
  servers: readonly { url: string }[];
  security: readonly { token: readonly string[] }[];
  paths: Readonly<Record<string, { get?: Operation; post?: Operation }>>;
  components: {
    schemas: Readonly<Record<string, Schema>>;
    responses: Readonly<Record<string, Response>>;
    headers: Readonly<Record<string, Header>>;
    securitySchemes: { token: { type: "http"; scheme: "bearer"; description: string } };
  };
}

export interface Served {
  model: string;
  environment: Environment;
  version: number;
  digest: string;
  signature: Signature;
  gatewayUrl: string;
}

/** The document: paths of V2 for this model, schemas of its own inputs and outputs, every refusal with an example. */
export function openApiOf(served: Served): OpenApiDocument {
  const { environment, version, digest, signature, gatewayUrl } = served;
  const model = laneName(served.model, environment);
  const path = `/v2/models/${model}`;
  const named = `${path}/versions/{version}`;
  return {
    openapi: "3.1.0",
    info: {
      title: `${served.model} in ${environment}`,
      version: String(version),
      description: `Open Inference Protocol V2 with binary tensor data, as v${version} (${digest}) serves it.`,
    },
    servers: [{ url: gatewayUrl }],
    security: [{ token: [] }],
    paths: {
      [`${path}/infer`]: { post: inferOf(served, false) },
      [path]: { get: metadataOf(served, false) },
      [`${path}/ready`]: { get: readyOf(served, false) },
      [`${named}/infer`]: { post: inferOf(served, true) },
      [named]: { get: metadataOf(served, true) },
      [`${named}/ready`]: { get: readyOf(served, true) },
    },
    components: {
      schemas: schemasOf(model, [String(version)], signature),
      responses: refusals({ model, version, maxBytes: MAX_BODY_BYTES, inputs: signature.inputs }),
      headers: ANSWER_HEADERS,
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: "An API token with the scope inference. Settings makes one.",
        },
      },
    },
  };
}

/** The smallest request that fits, all zeros; null where it would be too long to read. */
export function exampleRequest({ inputs }: Signature): { inputs: GivenTensor[] } | null {
  const values = inputs.reduce((sum, tensor) => sum + sizeOf(smallestShape(tensor)), 0);
  return values > EXAMPLE_VALUES
    ? null
    : { inputs: inputs.map((tensor) => zerosOf(tensor, smallestShape(tensor))) };
}

const answerHeaders = Object.fromEntries(
  Object.keys(ANSWER_HEADERS)
    .filter((name) => /^x-/.test(name))
    .map((name) => [name, { $ref: `#/components/headers/${name}` }]),
);

const refused = (...statuses: number[]) =>
  Object.fromEntries(statuses.map((status) => [status, { $ref: `#/components/responses/${status}` }]));

const versionParameter = (version: number): Parameter => ({
  name: "version",
  in: "path",
  required: true,
  description: "A version that serves now; any other is answered by 404.",
  schema: { type: "string", enum: [String(version)] },
});

const header = (name: string, description: string, schema: Schema): Parameter => ({
  name,
  in: "header",
  required: false,
  description,
  schema,
});

const parametersOf = ({ version }: Served, isNamed: boolean): Parameter[] => [
  ...(isNamed ? [versionParameter(version)] : []),
  header("x-request-id", REQUEST_ID, { type: "string" }),
];

const suffix = (isNamed: boolean): string => (isNamed ? "Version" : "");
const whose = (isNamed: boolean): string => (isNamed ? "one version" : "the model");

function inferOf(served: Served, isNamed: boolean): Operation {
  const example = exampleRequest(served.signature);
  const outputs = exampleRequest({ inputs: served.signature.outputs, outputs: [] });
  const packed: Schema = { type: "string", enum: ["gzip", "deflate"] };
  return {
    operationId: `infer${suffix(isNamed)}`,
    summary: `Ask ${whose(isNamed)}`,
    description:
      "Values come as JSON or, for speed, as binary data behind the JSON: binary_data_size in an input's parameters, the values in the order of the inputs, and the length of the JSON in Inference-Header-Content-Length.",
    parameters: [
      ...parametersOf(served, isNamed),
      header("Inference-Header-Content-Length", "Bytes of the JSON where binary data follow it.", {
        type: "integer",
        minimum: 1,
      }),
      header("Content-Encoding", "How the body is packed.", packed),
      header("traceparent", "W3C Trace Context; the replica is sent a child of it.", { type: "string" }),
    ],
    requestBody: {
      required: true,
      content: {
        "application/json": { schema: schemaRef("InferRequest"), ...(example && { example }) },
        "application/octet-stream": { schema: binaryBody("BinaryInferRequest") },
      },
    },
    responses: {
      200: {
        description: "What the model says.",
        headers: {
          ...answerHeaders,
          "Inference-Header-Content-Length": {
            $ref: "#/components/headers/Inference-Header-Content-Length",
          },
        },
        content: {
          "application/json": {
            schema: schemaRef("InferResponse"),
            ...(outputs && {
              example: {
                model_name: laneName(served.model, served.environment),
                model_version: String(served.version),
                outputs: outputs.inputs,
              },
            }),
          },
          "application/octet-stream": { schema: binaryBody("BinaryInferResponse") },
        },
      },
      ...refused(400, 401, 404, 413, 429, 500, 503, 504),
    },
  };
}

const binaryBody = (name: string): Schema => ({
  type: "string",
  contentMediaType: "application/octet-stream",
  description: `JSON as in ${name}, then the values of its tensors that have a binary_data_size, in their order.`,
});

function metadataOf(served: Served, isNamed: boolean): Operation {
  const tensors = (of: readonly V2Tensor[]) =>
    of.map((tensor) => ({ ...tensor, shape: tensor.shape.map((n) => n ?? -1) }));
  return {
    operationId: `metadata${suffix(isNamed)}`,
    summary: `Inputs and outputs of ${whose(isNamed)}`,
    parameters: parametersOf(served, isNamed),
    responses: {
      200: {
        description: "Names, datatypes and shapes.",
        headers: answerHeaders,
        content: {
          "application/json": {
            schema: schemaRef("Metadata"),
            example: {
              name: laneName(served.model, served.environment),
              versions: [String(served.version)],
              platform: "onnxruntime_onnx",
              inputs: tensors(served.signature.inputs),
              outputs: tensors(served.signature.outputs),
            },
          },
        },
      },
      ...refused(401, 404, 429, 503, 504),
    },
  };
}

const readyOf = (served: Served, isNamed: boolean): Operation => ({
  operationId: `ready${suffix(isNamed)}`,
  summary: `Whether ${whose(isNamed)} can be asked`,
  parameters: parametersOf(served, isNamed),
  responses: {
    200: {
      description: "It can.",
      headers: answerHeaders,
      content: {
        "application/json": {
          schema: schemaRef("Ready"),
          example: { name: laneName(served.model, served.environment), ready: true },
        },
      },
    },
    ...refused(401, 404, 429, 503, 504),
  },
});
