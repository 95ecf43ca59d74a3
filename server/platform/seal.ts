/** Secrets at rest that must be read again, such as those that sign webhooks: AES-256-GCM under the server's key. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { secret } from "./config";

const NONCE = 12;
const TAG = 16;

const keyOf = (purpose: string, key: string): Buffer =>
  Buffer.from(hkdfSync("sha256", key, "", `lathe ${purpose}`, 32));

/** Seals a text for one purpose and owner; only the same purpose and owner open it. */
export function seal(text: string, purpose: string, owner: string, key = secret("server.key")): string {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv("aes-256-gcm", keyOf(purpose, key), nonce).setAAD(Buffer.from(owner));
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString("base64url");
}

/** @throws Error when it was sealed with another key, for another purpose or owner, or was changed */
export function unseal(sealed: string, purpose: string, owner: string, key = secret("server.key")): string {
  const bytes = Buffer.from(sealed, "base64url");
  const decipher = createDecipheriv("aes-256-gcm", keyOf(purpose, key), bytes.subarray(0, NONCE), {
    authTagLength: TAG,
  })
    .setAAD(Buffer.from(owner))
    .setAuthTag(bytes.subarray(NONCE, NONCE + TAG));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE + TAG)), decipher.final()]).toString("utf8");
}
