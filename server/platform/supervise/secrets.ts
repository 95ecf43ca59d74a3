import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

const GENERATED = ["server.key", "auth.key", "ray.token", "agent-enrol.token", "metrics.token"];
const BOOTSTRAP_MINUTES = 15;

/** Makes the secrets that are missing; those that exist are never changed. 256 bits each, readable by us alone. */
export async function ensureSecrets(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  for (const name of GENERATED) {
    if (!existsSync(join(folder, name)))
      await writeSecret(join(folder, name), randomBytes(32).toString("hex"));
  }
}

/**
 * Makes the token of the sign-in link for the first admin: single use, 15 minutes. An earlier one is void.
 *
 * @param now milliseconds since the epoch
 * @returns the token, for the terminal only
 */
export async function renewBootstrap(folder: string, now: number): Promise<string> {
  const token = randomBytes(24).toString("base64url");
  const expiresAt = new Date(now + BOOTSTRAP_MINUTES * 60_000).toISOString();
  await writeSecret(join(folder, "bootstrap.json"), JSON.stringify({ token, expiresAt, used: false }));
  return token;
}

/** Whole or not at all: a reader never sees half a secret. */
async function writeSecret(file: string, content: string): Promise<void> {
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, content, { mode: 0o600 });
  await rename(draft, file);
}
