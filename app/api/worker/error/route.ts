import "@/server/wiring";
import { database } from "@/server/platform/db";
import { route } from "@/server/platform/http/route";
import { ErrorReport } from "@/server/runs/contract";
import { report } from "@/server/runs/door/http";
import { attemptOf } from "@/server/runs/door/owner";
import { reportError } from "@/server/runs/door/reports";

export const dynamic = "force-dynamic";
export const POST = route("worker", async ({ request }) => {
  const db = database();
  const owner = await attemptOf(db, request);
  await reportError(db, owner, (await report(request, ErrorReport)).cause);
  return new Response(null, { status: 204 });
});
