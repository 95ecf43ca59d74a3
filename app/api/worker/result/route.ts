import "@/server/wiring";
import { database } from "@/server/platform/db";
import { route } from "@/server/platform/http/route";
import { ResultReport } from "@/server/runs/contract";
import { report } from "@/server/runs/door/http";
import { attemptOf } from "@/server/runs/door/owner";
import { reportResult } from "@/server/runs/door/reports";

export const dynamic = "force-dynamic";
export const POST = route("worker", async ({ request }) => {
  const db = database();
  const owner = await attemptOf(db, request);
  await reportResult(db, owner, (await report(request, ResultReport)).result);
  return new Response(null, { status: 204 });
});
