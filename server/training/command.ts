/** A command line as a person types it: words apart by blanks, quotes around those that hold some. Pure. */

/** The words of a line; null where a quote is left open. */
export function wordsOf(line: string): string[] | null {
  const words: string[] = [];
  let word: string | null = null;
  let quote: string | null = null;
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] ?? "";
    if (char === quote) quote = null;
    else if (quote) word += char;
    else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (char === "\\" && at + 1 < line.length) {
      at += 1;
      word = (word ?? "") + line[at];
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else word = (word ?? "") + char;
  }
  if (word !== null) words.push(word);
  return quote ? null : words;
}

/** Variables from lines of `NAME=value`; null, with the line's number from 1, where one is none. */
export function variablesOf(text: string): { variables: Record<string, string> } | { wrongLine: number } {
  const variables: Record<string, string> = {};
  for (const [at, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const [, name, value] = /^\s*([A-Za-z_]\w*)=(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return { wrongLine: at + 1 };
    variables[name] = value;
  }
  return { variables };
}
