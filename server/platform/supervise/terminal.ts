import { z } from "zod";

/** pino's numbers: 40 is a warning. */
const WARNING = 40;
const Structured = z.object({ level: z.number(), msg: z.string().optional() });
const WORTH_A_LOOK = /\b(warn(ing)?|error|fatal|critical|exception|traceback)\b/i;

/** What a person sees of the processes; their logs hold everything. */
export interface Terminal {
  /** A sentence of our own, with the time since the start. */
  say(text: string): void;
  /** A line that a process wrote; quiet ones are left out unless `verbose`. */
  line(name: string, line: string): void;
  /** What happened to a process. */
  state(name: string, text: string): void;
}

/** @param since `performance.now()` at the start of the command */
export function terminal(verbose: boolean, since: number): Terminal {
  const print = (name: string, text: string) => console.log(`${name.padEnd(10)} │ ${text}`);
  return {
    say: (text) => console.log(`${text}  (${((performance.now() - since) / 1000).toFixed(1)} s)`),
    line: (name, line) => {
      if (verbose || isWorthALook(line)) print(name, textOf(line));
    },
    state: print,
  };
}

/** Whether a line warns: by its level where it is structured, by its words otherwise. */
export function isWorthALook(line: string): boolean {
  const entry = parse(line);
  return entry ? entry.level >= WARNING : WORTH_A_LOOK.test(line);
}

const textOf = (line: string): string => parse(line)?.msg ?? line;

function parse(line: string): z.infer<typeof Structured> | null {
  if (!line.startsWith("{")) return null;
  try {
    return Structured.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}
