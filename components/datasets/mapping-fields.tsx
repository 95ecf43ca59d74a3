"use client";
import { useEffect, useState } from "react";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { Checkbox } from "@/components/ui/toggle";
import type { TableMapping } from "@/server/datasets/contract";
import { HEADER_BYTES, headerOf, likelyLabel } from "./table-header";

/** The columns of a CSV that lies in the browser; null until they are known, and for other files. */
export function useColumns(file: File | undefined, isCsv: boolean): string[] | null {
  const [columns, setColumns] = useState<string[] | null>(null);
  useEffect(() => {
    setColumns(null);
    if (!file || !isCsv) return;
    let isCurrent = true;
    void file
      .slice(0, HEADER_BYTES)
      .text()
      .then((text) => isCurrent && setColumns(headerOf(text)));
    return () => {
      isCurrent = false;
    };
  }, [file, isCsv]);
  return columns;
}

const names = (text: string): string[] =>
  text
    .split(/[\n,]/)
    .map((name) => name.trim())
    .filter(Boolean);

interface Props {
  columns: string[] | null;
  value: TableMapping;
  onChange: (value: TableMapping) => void;
}

/** Which column is the label, which are fed to models and in what order, and whether they are standardised. */
export function MappingFields({ columns, value, onChange }: Props) {
  const [features, setFeatures] = useState("");
  const label = value.label ?? (columns && likelyLabel(columns)) ?? null;
  const others = columns?.filter((column) => column !== label);
  return (
    <>
      <Field
        label="Label column"
        hint={columns ? undefined : "Empty takes one named label, target, class or y, else the last"}
      >
        {columns ? (
          <Select
            options={[...new Set(columns)].map((column) => ({ value: column, label: column }))}
            value={label}
            onValueChange={(next) => onChange({ ...value, label: next })}
          />
        ) : (
          <Input
            value={value.label ?? ""}
            onValueChange={(next) => onChange({ ...value, label: next.trim() || null })}
            autoComplete="off"
          />
        )}
      </Field>
      <Field
        label="Feature columns"
        hint="In the order a model is fed, parted by commas; empty takes every column of numbers"
      >
        <Textarea
          value={features}
          onValueChange={(next) => {
            setFeatures(next);
            const found = names(next);
            onChange({ ...value, features: found.length > 0 ? found : null });
          }}
          placeholder={others?.slice(0, 12).join(", ")}
          rows={2}
        />
      </Field>
      <Checkbox
        label="Standardise each column by mean and deviation of the train part"
        checked={value.standardise}
        onCheckedChange={(standardise) => onChange({ ...value, standardise })}
      />
    </>
  );
}
