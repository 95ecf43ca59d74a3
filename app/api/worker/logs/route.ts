import { database } from "@/server/platform/db";
import { route } from "@/server/platform/http/route";
import { LogsReport } from "@/server/runs/contract";
import { admitted, report } from "@/server/runs/door/http";
import { ingestLogs } from "@/server/runs/door/logs";
import { attemptOf } from "@/server/runs/door/owner";

export const dynamic = "force-dynamic";
export const POST = route("worker", ({ request }) =>
  admitted(async () => {
    const db = database();
    const owner = await attemptOf(db, request);
    await ingestLogs(db, owner, (await report(request, LogsReport)).chunks);
    return new Response(null, { status: 204 });
  }),
);
