/** Screens on a wall: a token of the scope `display`, kept in a cookie that no script reads. */
import { and, arrayContains, eq, gt, isNull, or, sql } from "drizzle-orm";
import { apiToken, team } from "../../db/schema/identity";
import { config } from "../platform/config";
import type { Db } from "../platform/db";
import { Unauthenticated } from "../platform/errors";
import type { Display } from "../platform/ladder";
import { hashToken } from "../platform/tokens";
import type { TokenScope } from "./contract";

const COOKIE = "lathe_display";
const SCOPE: TokenScope = "display";
/** Browsers keep a cookie for no longer. */
const KEPT_SECONDS = 400 * 86_400;

/** Whose wall a request is from; null without a token that is valid now. */
export async function displayBehind(db: Db, headers: Headers): Promise<Display | null> {
  const token = cookieOf(headers);
  return token ? findDisplay(db, token) : null;
}

/** The cookie that signs a screen in. @throws Unauthenticated for a token that is none, or of another scope */
export async function displayCookie(db: Db, token: string): Promise<string> {
  if (!(await findDisplay(db, token)))
    throw new Unauthenticated("This is not the token of a display, or it was revoked.", {
      code: "unknown_display_token",
      remedy: "Settings makes one: New token, for a wall screen.",
    });
  return cookie(token, KEPT_SECONDS);
}

/** The cookie that signs it out. */
export const noDisplayCookie = (): string => cookie("", 0);

function cookie(value: string, seconds: number): string {
  const secure = config().url.startsWith("https:") ? "; Secure" : "";
  return `${COOKIE}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`;
}

const cookieOf = (headers: Headers): string | undefined =>
  (headers.get("cookie") ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .find((pair) => pair.startsWith(`${COOKIE}=`))
    ?.slice(COOKIE.length + 1);

async function findDisplay(db: Db, token: string): Promise<Display | null> {
  const [found] = await db
    .select({
      tokenId: apiToken.id,
      name: apiToken.name,
      teamId: team.id,
      teamSlug: team.slug,
      isStale: sql<boolean>`${apiToken.lastUsedAt} is null or ${apiToken.lastUsedAt} < now() - interval '1 minute'`,
    })
    .from(apiToken)
    .innerJoin(team, eq(team.id, apiToken.teamId))
    .where(
      and(
        eq(apiToken.tokenHash, hashToken(token)),
        arrayContains(apiToken.scopes, [SCOPE]),
        isNull(apiToken.revokedAt),
        or(isNull(apiToken.expiresAt), gt(apiToken.expiresAt, sql`now()`)),
      ),
    );
  if (!found) return null;
  const { isStale, ...display } = found;
  if (isStale)
    await db.update(apiToken).set({ lastUsedAt: sql`now()` }).where(eq(apiToken.id, display.tokenId));
  return display;
}
