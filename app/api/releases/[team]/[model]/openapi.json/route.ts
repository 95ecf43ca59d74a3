import { requestContext } from "@/server/identity/context";
import { route } from "@/server/platform/http/route";
import { teamContext } from "@/server/platform/ladder";
import { openApiFile } from "@/server/releases/service";

/** The OpenAPI document of what serves, as a file. */
export const GET = route<{ team: string; model: string }>("read", async ({ request, params }) => {
  const ctx = await teamContext(await requestContext(request.headers), params.team, "read");
  return new Response(await openApiFile(ctx, { model: params.model }), {
    headers: {
      "content-type": "application/json",
      "content-disposition": `attachment; filename="${params.model}.openapi.json"`,
      "x-content-type-options": "nosniff",
    },
  });
});
