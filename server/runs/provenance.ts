/** What a run's result depends on: bytes by their digests, the rest by name. */
import type { DatasetRef } from "../datasets/contract";
import { digestOf } from "../platform/canonical";
import type { RunResult, RunSpec } from "./contract";
import type { Run } from "./records";

export interface Provenance {
  /** What went in and what came out, with whole digests. */
  bytes: { name: string; says: string; sha256: string }[];
  /** What the run told of where it was made: libraries, hardware, backend. Null until it has succeeded. */
  environment: Record<string, string> | null;
}

/** Null for kinds of run that only look at things. */
export function provenanceOf({ spec, result }: Pick<Run, "spec" | "result">): Provenance | null {
  if (spec.kind !== "train" && spec.kind !== "script") return null;
  const { code, ...environment } = environmentOf(result) ?? {};
  return {
    bytes: [
      { name: "Configuration", says: "every setting of this run", sha256: digestOf(spec) },
      ...inputsOf(spec),
      ...(code ? [{ name: "Code", says: "of the workers", sha256: code }] : []),
      ...(result?.kind === "train"
        ? [{ name: "Result", says: "the ONNX file", sha256: result.artifacts.model.sha256 }]
        : []),
    ],
    environment: environmentOf(result) && environment,
  };
}

const environmentOf = (result: RunResult | null) =>
  result?.kind === "train" || result?.kind === "script" ? result.environment : null;

function inputsOf(spec: Extract<RunSpec, { kind: "train" | "script" }>): Provenance["bytes"] {
  if (spec.kind === "script")
    return [
      { name: "Code", says: spec.filename, sha256: spec.code },
      ...(spec.dataset ? filesOf(spec.dataset) : []),
    ];
  const { init, teacher, dataset } = spec;
  return [
    ...(init.from === "version"
      ? [{ name: init.weights === "fresh" ? "Graph" : "Weights", says: "begun from", sha256: init.blob }]
      : []),
    ...(teacher ? [{ name: "Teacher", says: "its answers are learnt", sha256: teacher.blob }] : []),
    ...filesOf(dataset),
  ];
}

const filesOf = ({ files }: DatasetRef) =>
  files.map(({ name, sha256 }) => ({ name: "Data", says: name, sha256 }));
