/** The header of a CSV, read in the browser to offer its columns; the check reads the file itself. */

const DELIMITERS = [",", ";", "\t"];
const LABEL_NAMES = ["label", "target", "class", "y"];

/** Bytes from the start of a file that hold its header. */
export const HEADER_BYTES = 64 * 1024;

function cells(line: string, delimiter: string): string[] {
  const found: string[] = [];
  let [cell, isQuoted] = ["", false];
  for (const [index, character] of [...line].entries()) {
    if (character === '"') {
      if (isQuoted && line[index + 1] === '"') cell += '"';
      isQuoted = !isQuoted;
    } else if (character === delimiter && !isQuoted) {
      found.push(cell.trim());
      cell = "";
    } else {
      cell += character;
    }
  }
  return [...found, cell.trim()];
}

/** The names of the columns by the delimiter that gives most of them; null when that is fewer than two. */
export function headerOf(text: string): string[] | null {
  const line = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .find((candidate) => candidate.trim() !== "");
  if (line === undefined) return null;
  const [best = []] = DELIMITERS.map((delimiter) => cells(line, delimiter)).sort(
    (a, b) => b.length - a.length,
  );
  return best.length < 2 ? null : best;
}

/** The column that the check takes for the label when nobody names one. */
export const likelyLabel = (columns: readonly string[]): string | undefined =>
  LABEL_NAMES.map((name) => columns.find((column) => column.toLowerCase() === name)).find(Boolean) ??
  columns.at(-1);
