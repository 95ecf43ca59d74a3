/** MLflow's search filter: comparisons joined by AND, no OR or brackets. A key that is not there never matches. */
import { Invalid } from "../../platform/errors";

type Value = string | number;
/** What a filter is held against. */
export interface Subject {
  attributes: Record<string, Value | undefined>;
  metrics?: Record<string, number>;
  params?: Record<string, string>;
  tags?: Record<string, string>;
}
type Field = keyof Subject;
interface Comparison {
  field: Field;
  key: string;
  operator: string;
  value: Value | string[] | null;
}

const FIELDS: Record<string, Field> = {
  metric: "metrics",
  metrics: "metrics",
  param: "params",
  params: "params",
  parameter: "params",
  parameters: "params",
  tag: "tags",
  tags: "tags",
  attr: "attributes",
  attribute: "attributes",
  attributes: "attributes",
  run: "attributes",
};
/** Other words for the same attribute. */
const ATTRIBUTES: Record<string, string> = {
  created: "start_time",
  user: "user_id",
  creation_time: "creation_timestamp",
};

const IDENTIFIER = /\s*([A-Za-z_]+)(?:\.(?:`([^`]+)`|"([^"]+)"|([\w./:-]+)))?/y;
const OPERATOR =
  /\s*(>=|<=|!=|=|>|<|NOT\s+IN(?=[\s(])|IN(?=[\s(])|I?LIKE(?=[\s'"])|IS\s+NOT\s+NULL\b|IS\s+NULL\b)/iy;
const TEXT = /\s*(?:'([^']*)'|"([^"]*)")/y;
const NUMBER = /\s*(-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?![\w.])/iy;
const LIST = /\s*\(\s*((?:'[^']*'|"[^"]*")(?:\s*,\s*(?:'[^']*'|"[^"]*"))*)\s*\)/y;
const AND = /\s+AND\s+/iy;

/** @throws Invalid with the place where it stops making sense */
export function parseFilter(filter: string): Comparison[] {
  const text = filter.trim();
  const found: Comparison[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  const expected = (what: string) =>
    new Invalid(`Invalid filter '${text}': expected ${what} at '${text.slice(at, at + 40)}'.`);

  while (at < text.length) {
    if (found.length > 0 && !take(AND)) throw expected("AND or the end");
    const name = take(IDENTIFIER);
    if (!name) throw expected("a key such as metrics.loss");
    const [, word = "", ticked, quoted, plain] = name;
    const key = ticked ?? quoted ?? plain;
    const field = key === undefined ? "attributes" : FIELDS[word.toLowerCase()];
    if (!field) throw new Invalid(`Invalid filter '${text}': '${word}' is no kind of key.`);
    const operator = take(OPERATOR)?.[1]?.toUpperCase().replace(/\s+/g, " ");
    if (!operator) throw expected("a comparison");
    const comparison = { field, key: attribute(field, key ?? word), operator };
    if (operator.startsWith("IS ")) found.push({ ...comparison, value: null });
    else if (operator.endsWith("IN")) {
      const list = take(LIST)?.[1];
      if (list === undefined) throw expected("a list such as ('a', 'b')");
      const values = [...list.matchAll(/'([^']*)'|"([^"]*)"/g)].map(([, single, double]) => single ?? double);
      found.push({ ...comparison, value: values.filter((value) => value !== undefined) });
    } else {
      const quotedText = take(TEXT);
      const value = quotedText ? (quotedText[1] ?? quotedText[2] ?? "") : Number(take(NUMBER)?.[1]);
      if (Number.isNaN(value)) throw expected("a number or a quoted text");
      found.push({ ...comparison, value });
    }
  }
  return found;
}

const attribute = (field: Field, key: string): string =>
  field === "attributes" ? (ATTRIBUTES[key.toLowerCase()] ?? key) : key;

/** @throws Invalid for a number compared as a text, or the other way */
export const matches = (comparisons: readonly Comparison[], subject: Subject): boolean =>
  comparisons.every((comparison) => holds(comparison, subject[comparison.field]?.[comparison.key]));

function holds({ field, key, operator, value }: Comparison, found: Value | undefined): boolean {
  if (operator === "IS NULL") return found === undefined;
  if (operator === "IS NOT NULL") return found !== undefined;
  if (found === undefined) return false;
  if (Array.isArray(value)) return value.includes(String(found)) === (operator === "IN");
  if (typeof found !== typeof value) {
    const wanted = typeof found === "number" ? "a number" : "a quoted text";
    throw new Invalid(`Invalid filter: ${field}.${key} is compared with ${wanted}, not with ${value}.`);
  }
  switch (operator) {
    case "=":
      return found === value;
    case "!=":
      return found !== value;
    case "LIKE":
    case "ILIKE":
      return like(String(value), operator === "ILIKE").test(String(found));
  }
  if (typeof found !== "number" || typeof value !== "number") {
    throw new Invalid(`Invalid filter: ${field}.${key} is a text; it takes =, !=, LIKE and ILIKE.`);
  }
  return operator === ">"
    ? found > value
    : operator === ">="
      ? found >= value
      : operator === "<"
        ? found < value
        : found <= value;
}

/** `%` stands for anything, `_` for one character. */
function like(pattern: string, anyCase: boolean): RegExp {
  const source = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replace(/%+/g, ".*")
    .replace(/_/g, ".");
  return new RegExp(`^${source}$`, anyCase ? "isu" : "su");
}
