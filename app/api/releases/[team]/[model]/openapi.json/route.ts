import { z } from "zod";
import { laneName } from "@/server/gateway/contract";
import { requestContext } from "@/server/identity/context";
import { route } from "@/server/platform/http/route";
import { teamContext } from "@/server/platform/ladder";
import { OfEnvironment } from "@/server/releases/contract";
import { openApiFile } from "@/server/releases/service";

const Query = z.object({ environment: OfEnvironment });

/** The OpenAPI document of what serves, as a file. */
export const GET = route<{ team: string; model: string }>("read", async ({ request, params }) => {
  const ctx = await teamContext(await requestContext(request.headers), params.team, "read");
  const query = Query.parse(Object.fromEntries(new URL(request.url).searchParams));
  return new Response(await openApiFile(ctx, { ...query, model: params.model }), {
    headers: {
      "content-type": "application/json",
      "content-disposition": `attachment; filename="${laneName(params.model, query.environment)}.openapi.json"`,
      "x-content-type-options": "nosniff",
    },
  });
});
