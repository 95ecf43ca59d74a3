// @ts-check
/** Why a command cannot go on: one sentence with the cause and the remedy, shown without a stack. */
export class Refusal extends Error {}

/**
 * Ends the command as its error asks: a refusal is one line, anything else is a defect and shows its stack.
 * @param {unknown} error
 * @returns {never}
 */
export function exitWith(error) {
  if (error instanceof Refusal) console.error(`\n✗ ${error.message}`);
  else console.error(error);
  process.exit(1);
}
