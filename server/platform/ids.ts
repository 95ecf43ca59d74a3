import { randomBytes } from "node:crypto";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** A new id: prefix, underscore, 16 characters of 80 random bits in Crockford's base 32. */
export function newId(prefix: string, random: (n: number) => Uint8Array = randomBytes): string {
  const body = Array.from(random(16), (byte) => ALPHABET[byte & 31]).join("");
  return `${prefix}_${body}`;
}
