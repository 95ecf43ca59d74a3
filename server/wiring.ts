/**
 * Plugs slices into the ports of slices below them. Imported for its effect by every process that ends runs, answers
 * agents or reconciles: the doors' routes and the controller.
 */
import { desiredNodes, observeCluster, takeReadings } from "./cluster/service";
import { finishCheck } from "./datasets/service";
import { registerSinks, registerSources } from "./engine/service";
import { evaluateSample } from "./models/sample";
import { finishEvaluation, finishInspection } from "./models/service";
import { registerServing } from "./models/serving";
import { finishTry } from "./models/tries";
import { desiredReplicas, finishMeasurement, observeReplica, servingByModel } from "./releases/service";
import { desiredAttempts, type Finisher, observeJobs, registerFinishers } from "./runs/service";
import { desiredSessions, finishCommit, observeSession } from "./studio/reconcile";
import { finishTraining } from "./training/service";

registerSources({
  attempts: desiredAttempts,
  sessions: desiredSessions,
  replicas: desiredReplicas,
  nodes: desiredNodes,
});
registerSinks({
  jobs: observeJobs,
  session: observeSession,
  replica: observeReplica,
  cluster: observeCluster,
  readings: takeReadings,
});

/** One after the other, in the transaction that ends the run. */
const both =
  (first: Finisher, second: Finisher): Finisher =>
  async (tx, run, outcome) => {
    await first(tx, run, outcome);
    await second(tx, run, outcome);
  };

registerServing(servingByModel);

registerFinishers({
  inspect_model: both(finishInspection, evaluateSample),
  inspect_dataset: both(finishCheck, evaluateSample),
  try_batch: finishTry,
  evaluate: both(finishEvaluation, finishMeasurement),
  compress: finishCommit,
  train: finishTraining,
});
