/** What a gateway keeps on disk, so that it serves after a restart with the database down. */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { z } from "zod";
import { log } from "../platform/log";

/** Writes a file so that a reader, or a crash, sees the old content or the new one, never a part. */
export async function saveJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.tmp`;
  const file = await open(draft, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(value));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(draft, path);
}

/** The value that was saved last, or null when there is none or it does not have this shape. */
export async function loadJson<T extends z.ZodType>(path: string, shape: T): Promise<z.output<T> | null> {
  const text = await readFile(path, "utf8").catch(() => null);
  if (text === null) return null;
  try {
    return shape.parse(JSON.parse(text));
  } catch (error) {
    log().error({ error, path }, "a saved file does not parse; going on without it");
    return null;
  }
}
