/** The numbers in `1,4,5` of an address: whole, positive, each once, ascending; the rest is not heard. */
export function readNumbers(text: string): number[] {
  const numbers = text
    .split(",")
    .map(Number)
    .filter((n) => Number.isInteger(n) && n > 0);
  return [...new Set(numbers)].sort((a, b) => a - b);
}
