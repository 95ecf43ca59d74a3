import { Digest } from "@/components/ui/digest";
import { plural } from "@/components/ui/format";
import { DefinitionList, Panel } from "@/components/ui/panel";
import { Table } from "@/components/ui/table";
import type { RunDetail } from "./types";

/** Words for what workers say of where a result was made; others are shown as they are. */
const WORDS: Record<string, string> = {
  python: "Python",
  torch: "PyTorch",
  onnx: "ONNX",
  onnxruntime: "ONNX Runtime",
  numpy: "NumPy",
  platform: "Platform",
  device: "Device",
  backend: "Backend",
  workers: "Workers",
  nodes: "Nodes",
  threads: "Threads a worker",
  seed: "Seed",
  attempt: "Attempt",
  packages: "Packages",
};

const byWords = ([a]: [string, string], [b]: [string, string]) => place(a) - place(b);
const place = (key: string) => [...Object.keys(WORDS), key].indexOf(key);

const item = ([key, value]: [string, string]) =>
  [WORDS[key] ?? key, key === "packages" ? <Packages key={key} all={value} /> : value] as const;

/** Hundreds of names that are looked for seldom. */
function Packages({ all }: { all: string }) {
  return (
    <details>
      <summary>{plural(all.split(", ").length, "package")}</summary>
      {all}
    </details>
  );
}

/** What produced the result: every byte that went in by its digest, and where it was made. */
export function ProvenancePanel({ run }: { run: RunDetail }) {
  if (!run.provenance) return null;
  const { bytes, environment } = run.provenance;
  return (
    <Panel title="Provenance">
      <Table
        label="Provenance"
        tight
        rows={bytes}
        rowKey={(row) => `${row.name} ${row.says}`}
        columns={[
          { key: "name", head: "What", width: "110px", cell: (row) => row.name },
          { key: "says", head: "Which", cell: (row) => <span className="clip">{row.says}</span> },
          {
            key: "digest",
            head: "Digest",
            align: "end",
            width: "90px",
            cell: (row) => <Digest value={row.sha256} label={row.name} />,
          },
        ]}
      />
      <div className="body">
        {environment ? (
          <DefinitionList items={Object.entries(environment).sort(byWords).map(item)} />
        ) : (
          <p className="t2">
            {run.state === "queued" || run.state === "running"
              ? "Libraries, hardware and backend are told with the result."
              : "There is no result, so nothing was told of libraries and hardware."}
          </p>
        )}
      </div>
    </Panel>
  );
}
