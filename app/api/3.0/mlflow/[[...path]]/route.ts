import { answerNewer } from "@/server/runs/tracking/door";
import { trackingRoute } from "@/server/runs/tracking/http";

export const dynamic = "force-dynamic";

/** What newer MLflow clients ask of a server before they fall back on 2.0. */
const handler = trackingRoute("/api/3.0/mlflow", answerNewer);

export { handler as DELETE, handler as GET, handler as PATCH, handler as POST, handler as PUT };
