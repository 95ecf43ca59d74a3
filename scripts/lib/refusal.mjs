// @ts-check
/** Why a command cannot go on: one sentence with the cause and the remedy, shown without a stack. */
export class Refusal extends Error {}

/**
 * Ends the command as its error asks. A refusal, and an error that we threw with a sentence of our own, is one
 * line; the subclasses that Node and libraries throw are defects here and show their stack.
 * @param {unknown} error
 * @returns {never}
 */
export function exitWith(error) {
  if (error instanceof Error && (error instanceof Refusal || error.constructor === Error))
    console.error(`\n✗ ${error.message}`);
  else console.error(error);
  process.exit(1);
}
