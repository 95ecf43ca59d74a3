import { database } from "@/server/platform/db";
import { route } from "@/server/platform/http/route";
import { attemptOf } from "@/server/runs/door/owner";
import { attemptSpec } from "@/server/runs/door/reports";

export const dynamic = "force-dynamic";
export const GET = route("worker", async ({ request }) => {
  const db = database();
  return Response.json(await attemptSpec(db, await attemptOf(db, request)));
});
