import { DisplayToken } from "@/server/identity/contract";
import { displayCookie, noDisplayCookie } from "@/server/identity/service";
import { database } from "@/server/platform/db";
import { refuseForeignOrigin } from "@/server/platform/http/origin";
import { body, route } from "@/server/platform/http/route";

/** Signs a screen in with its display token. */
export const POST = route("one_time_token", async ({ request }) => {
  const { token } = await body(request, DisplayToken);
  const cookie = await displayCookie(database(), token);
  refuseForeignOrigin(request);
  return new Response(null, { status: 204, headers: { "set-cookie": cookie } });
});

/** Signs it out. */
export const DELETE = route("public", async ({ request }) => {
  refuseForeignOrigin(request);
  return new Response(null, { status: 204, headers: { "set-cookie": noDisplayCookie() } });
});
