/** What becomes of a run's result: its slice says so, in the transaction that ends the run. */
import type { Transaction } from "../platform/db";
import { singleton } from "../platform/singleton";
import type { Cause, RunKind, RunResult } from "./contract";
import type { Run } from "./records";

export type Outcome =
  | { state: "succeeded"; result: RunResult }
  | { state: "failed" | "stopped"; cause: Cause | null };
export type Finisher = (tx: Transaction, run: Run, outcome: Outcome) => Promise<void>;

const finishers = () => singleton("runs.finishers", () => new Map<RunKind, Finisher>());

/** Called once a run, when it ends. Throwing undoes what the finisher wrote and fails the run. */
export function registerFinishers(entries: Partial<Record<RunKind, Finisher>>): void {
  for (const kind of Object.keys(entries) as RunKind[]) {
    const finisher = entries[kind];
    if (finisher) finishers().set(kind, finisher);
  }
}

export const finisherOf = (kind: RunKind): Finisher | undefined => finishers().get(kind);
