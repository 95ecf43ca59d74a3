import { database } from "@/server/platform/db";
import { route } from "@/server/platform/http/route";
import { MetricsReport } from "@/server/runs/contract";
import { admitted, report } from "@/server/runs/door/http";
import { ingestMetrics } from "@/server/runs/door/metrics";
import { attemptOf } from "@/server/runs/door/owner";

export const dynamic = "force-dynamic";
export const POST = route("worker", ({ request }) =>
  admitted(async () => {
    const db = database();
    const owner = await attemptOf(db, request);
    await ingestMetrics(db, owner, (await report(request, MetricsReport)).points);
    return new Response(null, { status: 204 });
  }),
);
