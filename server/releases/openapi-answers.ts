/** Headers of answers, and every refusal with an example in the words of whoever refuses: the gateway or a replica. */
import { type Schema, schemaRef } from "./openapi-schemas";
import { shapeInWords, smallestShape, type V2Tensor } from "./v2-contract";

export interface Header {
  description: string;
  schema: Schema;
}
export interface Response {
  description: string;
  headers?: Readonly<Record<string, { $ref: string }>>;
  content: Readonly<Record<string, { schema: Schema; example?: unknown }>>;
}

export const REQUEST_ID =
  "Under which the request is told of everywhere: the client's where it is a plain word of up to 128 letters, else a new one.";

export const ANSWER_HEADERS: Readonly<Record<string, Header>> = {
  "x-lathe-version": { description: "The version that answered.", schema: { type: "integer", minimum: 1 } },
  "x-lathe-digest": { description: "SHA-256 of its bytes, hex.", schema: { type: "string" } },
  "x-lathe-environment": {
    description: "Which lane of the model answered: production, or staging under the name NAME@staging.",
    schema: { type: "string", enum: ["production", "staging"] },
  },
  "x-lathe-release": { description: "The release through which it serves.", schema: { type: "string" } },
  "x-request-id": { description: REQUEST_ID, schema: { type: "string" } },
  "Retry-After": {
    description: "Seconds to wait before the next try.",
    schema: { type: "integer", minimum: 1 },
  },
  "WWW-Authenticate": { description: "Bearer.", schema: { type: "string", enum: ["Bearer"] } },
  "Inference-Header-Content-Length": {
    description: "Bytes of the JSON where binary data follow it.",
    schema: { type: "integer", minimum: 1 },
  },
};

const refusal = (description: string, error: string, headers: readonly string[] = []): Response => ({
  description,
  headers: Object.fromEntries(
    ["x-request-id", ...headers].map((name) => [name, { $ref: `#/components/headers/${name}` }]),
  ),
  content: { "application/json": { schema: schemaRef("Error"), example: { error } } },
});

interface About {
  model: string;
  version: number;
  maxBytes: number;
  inputs: readonly V2Tensor[];
}

/** Refusals by their status. */
export function refusals({ model, version, maxBytes, inputs }: About): Record<string, Response> {
  const [first] = inputs;
  const wanted = first ? shapeInWords(first.shape) : "[]";
  const found = first ? shapeInWords([...smallestShape(first), 2]) : "[]";
  const who = ["x-lathe-version", "x-lathe-digest", "x-lathe-environment", "x-lathe-release"];
  return {
    400: refusal(
      "The request is wrong; the error says where.",
      `Input '${first?.name}': expected shape ${wanted} (-1: any), found ${found}.`,
      who,
    ),
    401: refusal(
      "There is no valid token with the scope inference.",
      "Send an API token with the scope inference as a bearer; Settings makes one.",
      ["WWW-Authenticate"],
    ),
    404: refusal(
      "Neither this model nor this version serves in the token's team.",
      `Version ${version + 1} of ${model} does not serve; ${version} does.`,
    ),
    413: refusal("The body is too large, packed or not.", `The body is larger than ${maxBytes} bytes.`, who),
    429: refusal(
      "The token asks more often than it may, or too many requests wait already.",
      "This token may ask 10 times a second.",
      ["Retry-After"],
    ),
    500: refusal("The model failed on these values.", "The model failed on this request: …", who),
    503: refusal(
      "No replica answered, or it ended with the request. Nothing is sent twice that may have run.",
      `${model} v${version} can't answer: it has no replica.`,
      [...who, "Retry-After"],
    ),
    504: refusal(
      "The request took longer than 60 s, or than its parameter timeout.",
      "The request took longer than its 60 s.",
      who,
    ),
  };
}
