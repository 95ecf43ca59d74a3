/** Tokens: derived ones for attempts, sessions and replicas; random ones for people, services and agents. */
import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { secret } from "./config";

export type TokenPurpose = "attempt" | "session" | "replica";

const sign = (purpose: TokenPurpose, id: string, key: string): string =>
  createHmac("sha256", key).update(`${purpose}:${id}`).digest("base64url");

/**
 * The token of an attempt, session or replica: `<purpose>.<id>.<hmac>`. It is derived, so it is handed out again
 * without being stored; whether its owner still lives is for the caller to check.
 */
export const deriveToken = (purpose: TokenPurpose, id: string, key: string = secret("server.key")): string =>
  `${purpose}.${id}.${sign(purpose, id, key)}`;

/** Whose token this is, or null when it was not made here. */
export function readToken(
  token: string,
  key: string = secret("server.key"),
): { purpose: TokenPurpose; id: string } | null {
  const [purpose, id, signature, ...rest] = token.split(".");
  if (rest.length > 0 || !id || !signature) return null;
  if (purpose !== "attempt" && purpose !== "session" && purpose !== "replica") return null;
  const expected = Buffer.from(sign(purpose, id, key));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected) ? { purpose, id } : null;
}

/** 256 random bits with a prefix that secret scanners can find. */
export const randomToken = (prefix: string): string => `${prefix}_${randomBytes(32).toString("base64url")}`;

export const hashToken = (token: string): string => createHash("sha256").update(token).digest("hex");
