import { health } from "@/server/cluster/health";
import { route } from "@/server/platform/http/route";

export const dynamic = "force-dynamic";
export const GET = route("public", async () => Response.json(await health()));
