import { EnrolRequest } from "@/server/engine/contract";
import { enrol } from "@/server/engine/service";
import { database } from "@/server/platform/db";
import { body, route } from "@/server/platform/http/route";

export const dynamic = "force-dynamic";
/** The one-time token in the body is what authorises. */
export const POST = route("one_time_token", async ({ request }) =>
  Response.json(await enrol(database(), await body(request, EnrolRequest))),
);
