/** Signatures as https://www.standardwebhooks.com describes them: HMAC-SHA256 of id, timestamp and body. */
import { createHmac, randomBytes } from "node:crypto";

const PREFIX = "whsec_";

/** 192 random bits: what receivers configure. */
export const newSecret = (): string => `${PREFIX}${randomBytes(24).toString("base64")}`;

/** The three headers of a message. `at` is Unix seconds: receivers refuse old ones. */
export function signedHeaders(secret: string, id: string, at: number, body: string): Record<string, string> {
  const key = Buffer.from(secret.slice(PREFIX.length), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64");
  return { "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": `v1,${signature}` };
}
