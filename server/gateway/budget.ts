/** Bytes of bodies that may be in memory at once, over all requests. */

export class Budget {
  private left: number;

  constructor(readonly bytes: number) {
    this.left = bytes;
  }

  /** Takes `bytes` for as long as a request is there; false when they are not left. */
  take(bytes: number): boolean {
    if (bytes > this.left) return false;
    this.left -= bytes;
    return true;
  }
  giveBack(bytes: number): void {
    this.left += bytes;
  }
}
