/** How a program asks a model, with all inputs of its signature: texts that work as they are pasted. */
import {
  type Datatype,
  isWhole,
  sizeOf,
  smallestShape,
  type V2Tensor,
  zerosOf,
} from "@/server/releases/v2-contract";

export const LANGUAGES = [
  { value: "curl", label: "curl" },
  { value: "python", label: "Python" },
  { value: "typescript", label: "TypeScript" },
  { value: "triton", label: "tritonclient" },
] as const;
export type Language = (typeof LANGUAGES)[number]["value"];

export interface SnippetTarget {
  /** `http://host:port` of the gateway, a path behind it where it has one. */
  gatewayUrl: string;
  model: string;
  inputs: readonly V2Tensor[];
}

/** Up to here a request is written out; beyond it is computed. */
const WRITTEN_VALUES = 32;

export const snippet = (language: Language, target: SnippetTarget): string => WRITE[language](target);

const WRITE: Readonly<Record<Language, (target: SnippetTarget) => string>> = {
  curl: (target) => {
    const values = target.inputs.reduce((sum, tensor) => sum + sizeOf(smallestShape(tensor)), 0);
    const body = { inputs: target.inputs.map((tensor) => zerosOf(tensor, smallestShape(tensor))) };
    const isShort = values <= WRITTEN_VALUES;
    const program = `import json; print(json.dumps({"inputs": [\n${indented(target.inputs.map(pythonInput), "  ")}\n]}))`;
    const lines = [
      `curl -i --fail-with-body ${quoted(urlOf(target))}`,
      `-H "Authorization: Bearer $LATHE_TOKEN"`,
      `-H "Content-Type: application/json"`,
      isShort ? `--data ${quoted(JSON.stringify(body))}` : "--data @-",
    ].join(" \\\n  ");
    return isShort ? lines : `python3 -c ${quoted(program)} |\n${lines}`;
  },
  python: (target) => `import os, httpx

answer = httpx.post(
    ${JSON.stringify(urlOf(target))},
    headers={"Authorization": f"Bearer {os.environ['LATHE_TOKEN']}"},
    json={"inputs": [
${indented(target.inputs.map(pythonInput), "        ")}
    ]},
)
if answer.is_error:
    raise SystemExit(f"{answer.status_code}: {answer.json()['error']}")
print("version", answer.headers["x-lathe-version"])
for output in answer.json()["outputs"]:
    print(output["name"], output["shape"], output["data"])`,
  typescript: (target) => `const answer = await fetch(${JSON.stringify(urlOf(target))}, {
  method: "POST",
  headers: { authorization: \`Bearer \${process.env.LATHE_TOKEN}\`, "content-type": "application/json" },
  body: JSON.stringify({
    inputs: [
${indented(target.inputs.map(scriptInput), "      ")}
    ],
  }),
});
const said = await answer.json();
if (!answer.ok) throw new Error(\`\${answer.status}: \${said.error}\`);
console.log("version", answer.headers.get("x-lathe-version"));
for (const output of said.outputs) console.log(output.name, output.shape, output.data);`,
  triton: ({ gatewayUrl, model, inputs }) => {
    const { host, pathname, protocol } = new URL(gatewayUrl);
    const isTls = protocol === "https:" ? ", ssl=True" : "";
    return `import os, numpy as np, tritonclient.http as triton

client = triton.InferenceServerClient(${JSON.stringify(host + pathname.replace(/\/$/, ""))}${isTls})
inputs = []
for name, datatype, values in [
${indented(
  inputs.map((tensor) => {
    const { name, datatype } = tensor;
    const shape = pythonShape(smallestShape(tensor));
    const values =
      datatype === "BYTES" ? `np.full(${shape}, "", object)` : `np.zeros(${shape}, ${NUMPY[datatype]})`;
    return `(${JSON.stringify(name)}, "${datatype}", ${values})`;
  }),
  "    ",
)}
]:
    inputs.append(triton.InferInput(name, values.shape, datatype))
    inputs[-1].set_data_from_numpy(values)

headers = {"Authorization": f"Bearer {os.environ['LATHE_TOKEN']}"}
answer = client.infer(${JSON.stringify(model)}, inputs, headers=headers).get_response()
print("version", answer["model_version"])
for output in answer["outputs"]:
    print(output["name"], output["shape"])`;
  },
};

const urlOf = ({ gatewayUrl, model }: SnippetTarget): string => `${gatewayUrl}/v2/models/${model}/infer`;

/** As one word of a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const indented = (lines: readonly string[], by: string): string =>
  lines.map((line) => `${by}${line},`).join("\n");

// What JSON writes of a name is a string of Python and of JavaScript as well.
function pythonInput(tensor: V2Tensor): string {
  const shape = smallestShape(tensor);
  const { name, datatype } = tensor;
  return `{"name": ${JSON.stringify(name)}, "datatype": "${datatype}", "shape": [${shape.join(", ")}], "data": [${zero(datatype, "False")}] * ${sizeOf(shape)}}`;
}
function scriptInput(tensor: V2Tensor): string {
  const shape = smallestShape(tensor);
  const { name, datatype } = tensor;
  return `{ name: ${JSON.stringify(name)}, datatype: "${datatype}", shape: [${shape.join(", ")}], data: Array(${sizeOf(shape)}).fill(${zero(datatype, "false")}) }`;
}

function zero(datatype: Datatype, no: string): string {
  if (datatype === "BOOL") return no;
  if (datatype === "BYTES") return '""';
  return isWhole(datatype) ? "0" : "0.0";
}

/** A tuple: one of a single number needs its comma. */
const pythonShape = (shape: readonly number[]): string =>
  shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;

const NUMPY: Readonly<Record<Exclude<Datatype, "BYTES">, string>> = {
  BOOL: "bool",
  UINT8: "np.uint8",
  UINT16: "np.uint16",
  UINT32: "np.uint32",
  UINT64: "np.uint64",
  INT8: "np.int8",
  INT16: "np.int16",
  INT32: "np.int32",
  INT64: "np.int64",
  FP16: "np.float16",
  FP32: "np.float32",
  FP64: "np.float64",
};
