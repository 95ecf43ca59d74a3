import { z } from "zod";
import { requestContext } from "@/server/identity/context";
import { route } from "@/server/platform/http/route";
import { teamContext } from "@/server/platform/ladder";
import { OfEnvironment } from "@/server/releases/contract";
import { evidenceOf } from "@/server/releases/service";

const Query = z.object({
  environment: OfEnvironment,
  at: z.coerce.date(),
  format: z.enum(["json", "csv"]).default("json"),
});

/** Who served at a moment, as a file; that somebody took it is in the audit. */
export const GET = route<{ team: string; model: string }>("read", async ({ request, params }) => {
  const ctx = await teamContext(await requestContext(request.headers), params.team, "read");
  const query = Query.parse(Object.fromEntries(new URL(request.url).searchParams));
  const file = await evidenceOf(ctx, { ...query, model: params.model });
  return new Response(file.text, {
    headers: {
      "content-type": file.type,
      "content-disposition": `attachment; filename="${file.name}"`,
      "x-content-type-options": "nosniff",
    },
  });
});
