"use client";
import { useEffect, useState } from "react";
import { Field, Input, Textarea } from "@/components/ui/field";
import { Select } from "@/components/ui/select";
import { Checkbox } from "@/components/ui/toggle";
import { formatOfName, type TableMapping } from "@/server/datasets/contract";
import { type Footer, footerOf } from "./parquet-footer";
import { HEADER_BYTES, headerOf, likelyLabel } from "./table-header";

/** What files that lie in the browser say of themselves before they are sent. */
export type Look = { columns: string[] | null } | Footer;

async function lookAt(file: File): Promise<Look> {
  const format = formatOfName(file.name);
  if (format === "parquet") return footerOf(file);
  if (format !== "csv") return { columns: null };
  return { columns: headerOf(await file.slice(0, HEADER_BYTES).text()) };
}

/** The columns of tables, or what is wrong with them; null until all files were looked at. */
export function useLooks(files: readonly File[]): Look[] | null {
  const [looks, setLooks] = useState<Look[] | null>(null);
  useEffect(() => {
    setLooks(null);
    let isCurrent = true;
    void Promise.all(files.map(lookAt)).then((found) => isCurrent && setLooks(found));
    return () => {
      isCurrent = false;
    };
  }, [files]);
  return looks;
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
      <Field
        label="Column of slices"
        hint="Its values name groups, such as sites or devices, that evaluations tell apart; never fed to a model"
      >
        {columns ? (
          <Select
            options={[
              { value: "", label: "none" },
              ...[...new Set(others)].map((column) => ({ value: column, label: column })),
            ]}
            value={value.slice ?? ""}
            onValueChange={(next) => onChange({ ...value, slice: next || null })}
          />
        ) : (
          <Input
            value={value.slice ?? ""}
            onValueChange={(next) => onChange({ ...value, slice: next.trim() || null })}
            autoComplete="off"
          />
        )}
      </Field>
      <Checkbox
        label="Standardise each column by mean and deviation of the train part"
        checked={value.standardise}
        onCheckedChange={(standardise) => onChange({ ...value, standardise })}
      />
    </>
  );
}
