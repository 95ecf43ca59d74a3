/** Where unfinished uploads are. */
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { config } from "../config";

export const uploadFolder = (): string => join(config().home, "uploads");

/** Counts as a new byte: an upload that somebody goes on with is not old. */
export async function touchUpload(id: string): Promise<void> {
  const now = new Date();
  await utimes(join(uploadFolder(), id), now, now).catch(absent);
}

/** For `catch`: null for a file that is not there. */
export function absent(error: unknown): null {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
  throw error;
}
