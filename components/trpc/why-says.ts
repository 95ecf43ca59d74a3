/** Why something waits, as every screen says it. Pure. */

interface Waits {
  why: { cause: string; says: string };
  /** What the agent says of it. */
  message: string | null;
}

/** What the agent says is nearer to Ray, but only where the console has handed it over. */
export const whySays = ({ why, message }: Waits): string =>
  why.cause === "fits" && message ? message : why.says;
