/**
 * How well `query` fits `text`: null when a word of it is missing, else higher is better. Each word must occur
 * as letters in order; the start of a word and letters side by side count more.
 */
export function fuzzyScore(query: string, text: string): number | null {
  const haystack = text.toLowerCase();
  let total = 0;
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const score = wordScore(word, haystack);
    if (score === null) return null;
    total += score;
  }
  return total - haystack.length / 1000;
}

function wordScore(word: string, haystack: string): number | null {
  const whole = haystack.indexOf(word);
  if (whole >= 0) return 10 * word.length + (isWordStart(haystack, whole) ? 10 : 0);
  let score = 0;
  let from = 0;
  for (const letter of word) {
    const at = haystack.indexOf(letter, from);
    if (at < 0) return null;
    score += isWordStart(haystack, at) ? 4 : at === from && from > 0 ? 3 : 1;
    from = at + 1;
  }
  return score;
}

function isWordStart(text: string, at: number): boolean {
  return at === 0 || /[\s\-_/.:]/.test(text[at - 1] ?? "");
}
