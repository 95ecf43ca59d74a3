import { answerArtifacts } from "@/server/runs/tracking/door";
import { trackingRoute } from "@/server/runs/tracking/http";

export const dynamic = "force-dynamic";

/** MLflow's artifact service: files that a script logs go to the blob store. */
const handler = trackingRoute("/api/2.0/mlflow-artifacts", answerArtifacts);

export { handler as DELETE, handler as GET, handler as PATCH, handler as POST, handler as PUT };
