import { gatherInstallation } from "@/server/overview/service";
import { database } from "@/server/platform/db";
import { Unauthenticated } from "@/server/platform/errors";
import { route } from "@/server/platform/http/route";
import { gatherPlatform } from "@/server/platform/telemetry/gather";
import { CONTENT_TYPE, registry } from "@/server/platform/telemetry/registry";
import { mayScrape, SCRAPER_REMEDY } from "@/server/platform/telemetry/scrapers";

export const dynamic = "force-dynamic";

export const GET = route("scraper", async ({ request }) => {
  if (!mayScrape(request.headers.get("authorization")))
    throw new Unauthenticated("These metrics are for operators.", { remedy: SCRAPER_REMEDY });
  await Promise.all([gatherPlatform(), gatherInstallation(database())]);
  return new Response(await registry().metrics(), { headers: { "content-type": CONTENT_TYPE } });
});
