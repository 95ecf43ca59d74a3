import "@/server/wiring";
import { z } from "zod";
import { waitForDesired } from "@/server/engine/long-poll";
import { clusterOfToken } from "@/server/engine/service";
import { database } from "@/server/platform/db";
import { bearer, route } from "@/server/platform/http/route";

export const dynamic = "force-dynamic";

const Query = z.object({
  after: z.coerce.number().int().min(-1).default(-1),
  wait: z.coerce.number().min(0).max(60).default(20),
});

export const GET = route("agent", async ({ request }) => {
  const db = database();
  const cluster = await clusterOfToken(db, bearer(request));
  const { after, wait } = Query.parse(Object.fromEntries(new URL(request.url).searchParams));
  const state = await waitForDesired(db, cluster.id, { after, waitMs: wait * 1000, signal: request.signal });
  return state ? Response.json(state) : new Response(null, { status: 204 });
});
