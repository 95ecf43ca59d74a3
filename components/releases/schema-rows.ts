/** A JSON Schema of the document as rows of a table, and examples short enough to read. */
import type { Schema } from "@/server/releases/openapi-schemas";

export interface SchemaRow {
  key: string;
  depth: number;
  name: string;
  type: string;
  isRequired: boolean;
  description: string;
}
type Schemas = Readonly<Record<string, Schema>>;

const nameOf = (ref: string): string => ref.split("/").at(-1) ?? ref;
const resolved = (schemas: Schemas, schema: Schema): Schema =>
  schema.$ref ? (schemas[nameOf(schema.$ref)] ?? {}) : schema;

/** The properties of an object and what is inside them, depth first. */
export function schemaRows(schemas: Schemas, schema: Schema, depth = 0, path = ""): SchemaRow[] {
  const { properties = {}, required = [] } = resolved(schemas, schema);
  return Object.entries(properties).flatMap(([name, property]) => {
    const key = `${path}/${name}`;
    const row: SchemaRow = {
      key,
      depth,
      name,
      type: typeInWords(schemas, property),
      isRequired: required.includes(name),
      description: resolved(schemas, property).description ?? "",
    };
    return [row, ...inside(schemas, property, depth + 1, key)];
  });
}

function inside(schemas: Schemas, schema: Schema, depth: number, path: string): SchemaRow[] {
  const it = resolved(schemas, schema);
  const item = it.type === "array" && it.items ? it.items : it;
  const choices = item.anyOf?.filter(({ $ref }) => $ref !== undefined) ?? [];
  if (choices.length === 0) return schemaRows(schemas, item, depth, path);
  return choices.flatMap((choice): SchemaRow[] => {
    const name = nameOf(choice.$ref ?? "");
    const key = `${path}/${name}`;
    const row = { key, depth, name, type: "one kind of item", isRequired: false, description: "" };
    return [row, ...schemaRows(schemas, choice, depth + 1, key)];
  });
}

/** "number[784]", "[any, 1, 28, 28]", "INT8 | INT16": a type in a line. */
export function typeInWords(schemas: Schemas, schema: Schema): string {
  const it = resolved(schemas, schema);
  if (it.enum) return it.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (it.const !== undefined) return String(it.const);
  if (it.prefixItems) return `[${it.prefixItems.map((n) => n.const ?? "any").join(", ")}]`;
  if (it.anyOf) return [...new Set(it.anyOf.map((choice) => typeInWords(schemas, choice)))].join(" or ");
  if (it.type === "array" && it.items) {
    const length = it.minItems === it.maxItems && it.minItems !== undefined ? it.minItems : "";
    const [inner = "", ...axes] = typeInWords(schemas, it.items).split(/(?=\[)/);
    const item = inner.includes(" or ") ? "object" : inner;
    return `${item}[${length}]${axes.join("")}`;
  }
  if (it.type === "integer" && it.minimum !== undefined && it.maximum !== undefined)
    return `integer, ${it.minimum} to ${it.maximum}`;
  return it.contentMediaType ? "bytes" : (it.type ?? "any");
}

const INLINE_VALUES = 8;

/** JSON with lists of values on one line each, long ones by their first values. */
export function shortJson(value: unknown, indent = ""): string {
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== "object" || item === null)) {
      const shown = value.slice(0, INLINE_VALUES).map((item) => JSON.stringify(item));
      return `[${shown.join(", ")}${value.length > INLINE_VALUES ? `, … ${value.length} values` : ""}]`;
    }
    return `[\n${value.map((item) => deeper + shortJson(item, deeper)).join(",\n")}\n${indent}]`;
  }
  if (typeof value === "object" && value !== null) {
    const lines = Object.entries(value).map(
      ([key, item]) => `${deeper}${JSON.stringify(key)}: ${shortJson(item, deeper)}`,
    );
    return `{\n${lines.join(",\n")}\n${indent}}`;
  }
  return JSON.stringify(value);
}
