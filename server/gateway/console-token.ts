/** Short-lived bearers with which the console itself asks a gateway, for a person who may try a model. */
import { createHmac, timingSafeEqual } from "node:crypto";

const PREFIX = "lathe-console";
const LIFETIME_MS = 60_000;

const sign = (teamId: string, expires: string, key: string): string =>
  createHmac("sha256", key).update(`console:${teamId}:${expires}`).digest("base64url");

/** A bearer for one team's models that expires after a minute: `lathe-console.<team>.<expiry>.<hmac>`. */
export function mintConsoleToken(teamId: string, key: string, now: number): string {
  const expires = String(now + LIFETIME_MS);
  return [PREFIX, teamId, expires, sign(teamId, expires, key)].join(".");
}

/** The team a console bearer speaks for; null when it was not made here or has expired. */
export function readConsoleToken(token: string, key: string, now: number): string | null {
  const [prefix, teamId, expires, signature] = token.split(".");
  if (prefix !== PREFIX || !teamId || !expires || !signature || !(Number(expires) > now)) return null;
  const expected = Buffer.from(sign(teamId, expires, key));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected) ? teamId : null;
}
