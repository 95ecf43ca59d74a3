/**
 * Writes the worker contract: Zod → JSON Schema → Pydantic. `--check` compares instead of writing, so that CI
 * notices when one side moved without the other.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import * as datasets from "../server/datasets/contract";
import * as engine from "../server/engine/contract";
import * as models from "../server/models/contract";
import * as atoms from "../server/platform/atoms";
import * as runs from "../server/runs/contract";
import * as studio from "../server/studio/contract";
import * as session from "../server/studio/session-contract";

const target = "gpu-worker/src/gpu_worker/contract";
/** What crosses the wire to Python; whatever these refer to comes with them. Shapes of screens stay here. */
const WIRE = [
  ...Object.values(runs),
  ...Object.values(engine),
  session.EvaluateRequest,
  session.SolveRequest,
  session.StudioPartial,
  session.StudioBaseline,
];

const registry = z.registry<{ id: string }>();
const names = new Map<unknown, string>();
for (const contract of [atoms, datasets, models, studio, session, runs, engine]) {
  for (const [name, schema] of Object.entries(contract)) {
    if (names.has(schema)) continue;
    if (schema instanceof z.ZodObject || schema instanceof z.ZodDiscriminatedUnion) {
      names.set(schema, name);
      registry.add(schema, { id: name });
    }
  }
}
const { schemas } = z.toJSONSchema(registry, {
  io: "output",
  uri: (id) => `#/$defs/${id}`,
  // Dates appear in shapes of screens only, which are left out below.
  unrepresentable: "any",
});
/** The door enforces bounds and patterns; Python gets plain types, not a class for each bounded number. */
const plain = (key: string, value: unknown) =>
  /^(minimum|maximum|exclusiveM\w+|pattern|minLength|maxLength|minItems|maxItems)$/.test(key) &&
  typeof value !== "object"
    ? undefined
    : value;
const references = (value: unknown): string[] =>
  [...JSON.stringify(value).matchAll(/"#\/\$defs\/(\w+)"/g)].map(([, name = ""]) => name);

const wanted = new Set(WIRE.flatMap((schema) => names.get(schema) ?? []));
for (const name of wanted) for (const other of references(schemas[name])) wanted.add(other);
const defs = Object.fromEntries(
  Object.entries(schemas)
    .filter(([name]) => wanted.has(name))
    .map(([name, { $id: _id, $schema: _schema, ...schema }]) => [name, schema]),
);
const json = `${JSON.stringify({ $schema: "https://json-schema.org/draft/2020-12/schema", title: "Contract", $defs: defs }, plain, 2)}\n`;

const folder = mkdtempSync(join(tmpdir(), "lathe-contract-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const schemaFile = join(folder, "schema.json");
const modelsFile = join(folder, "models.py");
writeFileSync(schemaFile, json);
const python = process.env.LATHE_PYTHON ?? join(process.env.LATHE_VENV ?? ".lathe/venv", "bin/python");
execFileSync(
  python,
  [
    "-m",
    "datamodel_code_generator",
    "--input",
    schemaFile,
    "--input-file-type",
    "jsonschema",
    "--output",
    modelsFile,
    "--output-model-type",
    "pydantic_v2.BaseModel",
    "--target-python-version",
    "3.11",
    "--snake-case-field",
    "--allow-population-by-field-name",
    "--use-annotated",
    "--use-default",
    "--use-union-operator",
    "--use-standard-collections",
    "--disable-timestamp",
    "--enum-field-as-literal",
    "all",
    "--use-one-literal-as-default",
    "--collapse-root-models",
    "--extra-fields",
    "forbid",
    "--custom-file-header",
    '"""The worker contract, generated from the Zod shapes by `npm run contract`. Do not edit."""',
  ],
  { stdio: "inherit" },
);

const outputs = [
  [join(target, "schema.json"), schemaFile],
  [join(target, "models.py"), modelsFile],
] as const;
if (process.argv.includes("--check")) {
  const drifted = outputs.filter(([kept, made]) => readFileSync(kept, "utf8") !== readFileSync(made, "utf8"));
  console.log(`contract: ${Object.keys(defs).length} shapes checked in ${outputs.length} files`);
  if (drifted.length > 0 || Object.keys(defs).length === 0) {
    console.error(
      `contract: ${drifted.map(([kept]) => kept).join(", ")} drifted; run npm run contract and commit`,
    );
    process.exit(1);
  }
} else {
  for (const [kept, made] of outputs) writeFileSync(kept, readFileSync(made, "utf8"));
  console.log(`contract: ${Object.keys(defs).length} shapes written to ${target}`);
}
