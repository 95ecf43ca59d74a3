"use client";

import { useMemo, useState } from "react";
import { Button } from "@/components/ui/button";
import { Lineage, Stepper } from "@/components/ui/diagrams";
import { Code, Digest, Snippet } from "@/components/ui/digest";
import { EmptyState } from "@/components/ui/feedback";
import { bytes, percent } from "@/components/ui/format";
import { DefinitionList } from "@/components/ui/panel";
import type { State } from "@/components/ui/shape";
import { StatusDot } from "@/components/ui/status";
import { type Column, type Sort, Table } from "@/components/ui/table";
import { Section } from "./section";

type Version = {
  name: string;
  state: State;
  word: string;
  file: number;
  accuracy: number;
  digest: string;
  age: string;
};

const VERSIONS: readonly Version[] = [
  { name: "v5", state: "ok", word: "warm", file: 236_000, accuracy: 0.9193, digest: "a1d07e4f", age: "24 d" },
  {
    name: "v4",
    state: "off",
    word: "not served",
    file: 752_436,
    accuracy: 0.9184,
    digest: "3f9c2ab7",
    age: "26 d",
  },
  {
    name: "v9",
    state: "pending",
    word: "staging",
    file: 199_000,
    accuracy: 0.9168,
    digest: "5d20c8a1",
    age: "20 min",
  },
  {
    name: "v7",
    state: "ok",
    word: "production",
    file: 237_000,
    accuracy: 0.9151,
    digest: "7be41d02",
    age: "12 d",
  },
  {
    name: "v8",
    state: "warning",
    word: "rolled back",
    file: 181_000,
    accuracy: 0.9142,
    digest: "e8d9f33c",
    age: "3 h",
  },
];

const COLUMNS: readonly Column<Version>[] = [
  { key: "name", head: "Version", cell: (row) => row.name },
  { key: "state", head: "State", cell: (row) => <StatusDot state={row.state}>{row.word}</StatusDot> },
  { key: "file", head: "File", align: "end", sortable: true, cell: (row) => bytes(row.file) },
  {
    key: "accuracy",
    head: "Accuracy",
    align: "end",
    sortable: true,
    cell: (row) => percent(row.accuracy, 2),
  },
  { key: "digest", head: "Digest", cell: (row) => <Digest value={row.digest} /> },
  { key: "age", head: "Age", align: "end", className: "age", cell: (row) => row.age },
];

const MANY = Array.from({ length: 10_000 }, (_, index) => index);

export function DataSections() {
  const [sort, setSort] = useState<Sort>({ key: "accuracy", direction: "desc" });
  const [selected, setSelected] = useState("v4");
  const rows = useMemo(() => {
    const by = (row: Version) => (sort.key === "file" ? row.file : row.accuracy);
    return [...VERSIONS].sort((a, b) => (sort.direction === "asc" ? by(a) - by(b) : by(b) - by(a)));
  }, [sort]);
  return (
    <>
      <Section span={8} title="Table" note="hover, selected, flagged">
        <Table
          label="Versions"
          columns={COLUMNS}
          rows={rows}
          rowKey={(row) => row.name}
          onRowPress={(row) => setSelected(row.name)}
          isSelected={(row) => row.name === selected}
          flag={(row) => (row.state === "warning" ? "warn" : undefined)}
          sort={sort}
          onSort={setSort}
        />
      </Section>
      <Section span={4} title="Table, 10,000 rows" note="only those in sight exist">
        <Table
          label="Runs"
          tight
          maxHeight={192}
          columns={[
            { key: "run", head: "Run", width: "40%", cell: (row) => `run ${row}` },
            { key: "step", head: "Step", align: "end", cell: (row) => (row * 37) % 7504 },
          ]}
          rows={MANY}
          rowKey={String}
          rowHref={(row) => `#run-${row}`}
        />
      </Section>
      <Section span={4} title="Table, loading">
        <Table
          label="Loading"
          tight
          columns={COLUMNS.slice(0, 3)}
          rows={[]}
          rowKey={(row) => row.name}
          loading
        />
      </Section>
      <Section span={4} title="Table, empty">
        <Table
          label="Empty"
          columns={COLUMNS.slice(0, 4)}
          rows={[]}
          rowKey={(row) => row.name}
          empty={
            <EmptyState
              title="A run is anything executed on the cluster"
              actions={<Button variant="primary">Recover the sample, 1 epoch</Button>}
            >
              It shows live curves, every rank, its logs and what it costs.
            </EmptyState>
          }
        />
      </Section>
      <Section span={4} title="Copy, names and values" padded>
        <div className="grid gap-3">
          <Snippet text="lathe push garment-cls model.onnx" label="command" />
          <Code label="First bytes">
            {"0000  80 02 63 70 6f 73 69 78 0a  ..cposix.\n0009  73 79 73 74 65 6d 0a 71 01     system.q."}
          </Code>
          <DefinitionList
            items={[
              ["Digest", <Digest key="digest" value="3f9c2ab71d" />],
              ["Parameters", "174,106"],
              ["From", "run 2318, checkpoint 5,000"],
            ]}
          />
        </div>
      </Section>
      <Section span={6} title="Lineage" note="artifacts on a line, the recipe between them">
        <Lineage
          label="Lineage of v9"
          items={[
            {
              id: "v4",
              name: "v4",
              mark: "baseline",
              digest: <Digest value="3f9c2ab71d" />,
              detail: "752 kB, fp32",
            },
            {
              id: "step",
              name: "recovered",
              mark: "step",
              detail: "752 kB",
              recipe: { title: "Recovered", detail: "distillation, 1 epoch" },
            },
            {
              id: "v9",
              name: "v9",
              mark: "candidate",
              detail: "199 kB, int8",
              recipe: { title: "int8 static", detail: "512 samples" },
            },
          ]}
        />
      </Section>
      <Section span={6} title="Stepper" note="done, now, not yet" padded>
        <Stepper
          label="Canary of v9"
          steps={[
            { id: "5", title: "5%", detail: "6 min, no rule came near", state: "done" },
            { id: "25", title: "25%", detail: "5 min 48 s of 10 min", state: "now", share: 0.58 },
            { id: "50", title: "50%", detail: "needs a press", state: "next" },
            { id: "100", title: "100%", detail: "v7 stays warm 24 h", state: "next" },
          ]}
        />
      </Section>
    </>
  );
}
