/** Who may scrape: whoever shows the token of `LATHE_METRICS_TOKEN`, else that of `secrets/metrics.token`. */
import { createHash, timingSafeEqual } from "node:crypto";
import { config, secret } from "../config";

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/**
 * Metrics tell names of models and how busy all teams are, and a proxy in front of us makes every caller look local:
 * where a request comes from is no credential.
 *
 * @param authorization the header
 * @throws Error when there is no token to compare with
 */
export function mayScrape(authorization: string | null | undefined): boolean {
  const expected = config().metricsToken ?? secret("metrics.token");
  const given = /^bearer (.+)$/i.exec(authorization ?? "")?.[1] ?? "";
  return timingSafeEqual(digest(given.trim()), digest(expected));
}

export const SCRAPER_REMEDY =
  "Send the token of LATHE_METRICS_TOKEN, or of secrets/metrics.token, as a bearer.";
