import { closeSync, openSync, writeSync } from "node:fs";

/**
 * A file that lines are appended to. A full disk costs lines and never the process that writes them: whoever keeps
 * everything else running must outlive it.
 */
export class LineLog {
  readonly #file: number;
  #isLosing = false;
  #isClosed = false;

  /** @param onTrouble hears once why lines get lost, and again only after some were kept in between */
  constructor(
    readonly path: string,
    private readonly onTrouble: (text: string) => void,
  ) {
    this.#file = openSync(path, "a", 0o600);
  }

  /** After `close` nothing is written: a process that has ended may still have had something to say. */
  write(line: string): void {
    if (this.#isClosed) return;
    try {
      // The supervisor writes little, and what a process said last must be there when it dies.
      writeSync(this.#file, `${line}\n`);
      this.#isLosing = false;
    } catch (error) {
      if (!this.#isLosing) this.onTrouble(`lines of ${this.path} are lost (${String(error)})`);
      this.#isLosing = true;
    }
  }

  close(): void {
    this.#isClosed = true;
    closeSync(this.#file);
  }
}
