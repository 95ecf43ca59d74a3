import "@/server/wiring";
import { ToldObservation } from "@/server/engine/door";
import { clusterOfToken, observe } from "@/server/engine/service";
import { database } from "@/server/platform/db";
import { bearer, body, route } from "@/server/platform/http/route";

export const dynamic = "force-dynamic";
export const POST = route("agent", async ({ request }) => {
  const db = database();
  const cluster = await clusterOfToken(db, bearer(request));
  return Response.json(await observe(db, cluster.id, await body(request, ToldObservation)));
});
