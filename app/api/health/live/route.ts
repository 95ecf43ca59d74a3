import { route } from "@/server/platform/http/route";

export const dynamic = "force-dynamic";
/** It answers, whatever else is away: a restart would mend nothing. */
export const GET = route("public", async () => Response.json({ live: true }));
