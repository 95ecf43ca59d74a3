import { config } from "../config";
import { Forbidden } from "../errors";

/**
 * Refuses what a page of another site could make a browser send: a cross-site multipart POST once executed a
 * mutation without input. Mutations must be JSON, with our header, from our own origin.
 */
export function refuseForeignOrigin(request: Request): void {
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  const ours =
    origin === null ||
    new URL(config().url).host === safeHost(origin) ||
    request.headers.get("host") === safeHost(origin);
  if ((site !== null && site !== "same-origin" && site !== "none") || !ours) {
    throw new Forbidden("This request came from another site.", { code: "foreign_origin" });
  }
  if (request.method !== "GET") {
    const json = request.headers.get("content-type")?.startsWith("application/json") ?? false;
    if (!json || request.headers.get("x-lathe") === null) {
      throw new Forbidden("Requests that change something are JSON and carry the header x-lathe.", {
        code: "not_from_the_console",
      });
    }
  }
}

const safeHost = (origin: string): string | null => {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
};
