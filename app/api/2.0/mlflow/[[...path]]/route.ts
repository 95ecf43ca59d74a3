import { answerTracking } from "@/server/runs/tracking/door";
import { trackingRoute } from "@/server/runs/tracking/http";

export const dynamic = "force-dynamic";

/** MLflow's tracking API, for the scripts of runs. */
const handler = trackingRoute("/api/2.0/mlflow", answerTracking);

export { handler as DELETE, handler as GET, handler as PATCH, handler as POST, handler as PUT };
